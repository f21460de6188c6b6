// One request's sound: int16 pieces in, gapless sound out, on a Web Audio context at the sound's own rate.
//
// Pieces are scheduled back to back, counted in samples, so nothing is resampled and no sample is lost. When the model is behind the
// clock, the wait comes first and once: sound starts when what is in hand lasts until the rest is there.

window.lfm ??= {};

lfm.Playout = class {
  static START_WITH = 0.2;      // seconds in hand before sound starts, when the model is well ahead of the clock
  static CAUTIOUS = 0.3;        // and when it is barely ahead, or after it ran dry
  static LEAD = 0.02;           // the first piece is scheduled this far ahead, so that its start is not cut
  static FADE = 0.008;          // seconds of fading out when it is stopped, so that it does not click
  static LETTERS = 14;          // of text in a second of speech, to guess how long a reply will be
  static MORE = 4;              // seconds that are likely to follow while its text still comes
  static STRETCH = 1;           // seconds of sound between two pieces of text at most, so that after them the text is complete

  // `sink` gives the context and its output, or null before the first gesture; `changed` is called with each change of what it does.
  constructor(id, began, sink, changed) {
    Object.assign(this, {
      id, began, sink, changed, final: false, silenced: false, expected: 0, letters: 0, textAt: 0,
      chunks: 0, received: 0, firstChunk: null, lastChunk: null, rate: 24000,       // what came, in samples and milliseconds
      scheduled: 0, firstSound: null, underruns: 0, ended: null,                    // what was played of it
      waiting: [], nodes: new Set(), playing: false, next: 0, need: lfm.Playout.START_WITH,
    });
  }

  read(text) {
    this.letters += text.length;
    this.textAt = this.received;
  }

  receive(base64, rate) {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const samples = Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
    this.rate = rate;
    this.lastChunk = performance.now();
    if (!this.chunks++) { this.firstChunk = this.lastChunk; this.opening = samples.length; }
    this.received += samples.length;
    this.waiting.push(samples);
  }

  get inHand() { return this.waiting.reduce((sum, samples) => sum + samples.length, 0) / this.rate; }

  // Seconds of sound that arrive in a second; the first piece only starts the clock.
  get speed() {
    const elapsed = (this.lastChunk - this.firstChunk) / 1000;
    return this.chunks > 1 && elapsed > 0 ? (this.received - this.opening) / this.rate / elapsed : 0;
  }

  // Slower than real time, measured over enough to be sure.
  get slow() { return !this.final && this.chunks > 2 && this.speed < 0.95; }

  // How long all of it will be, as far as one can tell; 0 where nobody knows.
  get length() {
    const { LETTERS, MORE, STRETCH } = lfm.Playout;
    if (this.expected || !this.letters) return this.expected;
    return this.letters / LETTERS + ((this.received - this.textAt) / this.rate < STRETCH ? MORE : 0);
  }

  // Seconds until sound can start and go on to the end; null where nobody knows.
  get wait() {
    if (!this.length) return null;
    const rest = Math.max(0, this.length - this.received / this.rate);
    const since = (performance.now() - this.lastChunk) / 1000;
    return Math.max(0, rest * (1 / this.speed - 1) - this.inHand - since);
  }

  get enough() {
    if (this.final) return true;
    if (this.slow) return this.wait === 0 && this.inHand > 1;
    return this.inHand >= (this.speed >= 1.15 ? this.need : Math.max(this.need, lfm.Playout.CAUTIOUS));
  }

  play() {
    const sink = this.sink();
    if (this.silenced || !sink) return;
    if (!this.playing && this.waiting.length && this.enough) {
      this.gain ??= new GainNode(sink.context);
      this.gain.connect(sink.output);
      lfm.Replay.current?.pause();
      this.playing = true;
      this.next = Math.ceil((sink.context.currentTime + lfm.Playout.LEAD) * this.rate);
      this.firstSound ??= performance.now() + lfm.Playout.LEAD * 1000;
      this.changed();
    }
    while (this.playing && this.waiting.length) this.schedule(this.waiting.shift(), sink.context);
  }

  schedule(samples, context) {
    const buffer = context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(this.gain);
    node.start(this.next / this.rate);    // counted in samples: a sum of fractions would drift off the grid, and blur
    this.next += samples.length;
    this.scheduled += samples.length;
    this.nodes.add(node);
    node.onended = () => {
      this.nodes.delete(node);
      if (this.playing && !this.nodes.size) this.ranOut();
    };
  }

  // The last piece in hand has been played: either that was all, or the model is late.
  ranOut() {
    this.playing = false;
    if (this.final) this.ended ??= performance.now();
    else { this.underruns++; this.need = lfm.Playout.CAUTIOUS; }
    this.changed();
  }

  finish() {
    this.final = true;
    this.play();
    if (!this.playing) this.ended ??= performance.now();
  }

  silence() {
    this.silenced = true;
    this.playing = false;
    this.waiting = [];
    const now = this.sink()?.context.currentTime, end = now + lfm.Playout.FADE;
    this.gain?.gain.setValueAtTime(1, now).linearRampToValueAtTime(0, end);
    for (const node of this.nodes) { node.onended = null; node.stop(end); }
    this.nodes.clear();
  }
};
