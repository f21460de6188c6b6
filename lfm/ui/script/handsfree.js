// Hands-free: the microphone stays open, each utterance is sent after its pause, and while the answer is made and heard nobody listens,
// or the model would answer its own voice from the loudspeaker. With headphones one may interrupt.

window.lfm ??= {};

lfm.HandsFree = class {
  static ECHO = 0.3;        // seconds after the answer in which the room still sounds
  static LEAST = 0.25;      // seconds of speech worth sending
  static PATIENCE = 10;     // seconds for the page to begin an answer to what was sent

  // `send` takes the frames of an utterance and their rate, `changed` follows each change and level.
  constructor({ send, changed }) {
    Object.assign(this, { send, changed, muted: false, interrupting: false, level: 0, deafUntil: 0, busy: false });
    document.addEventListener("lfm:busy", this.onBusy = () => { this.busy = true; this.until = Infinity; });
    document.addEventListener("lfm:idle", this.onIdle = () => {
      this.busy = false;
      this.deafUntil = performance.now() + 1000 * lfm.HandsFree.ECHO;
    });
  }

  async open() {
    this.source = await lfm.openMicrophone((frame) => this.hear(frame));
    this.detector = new lfm.SpeechDetector(this.source.rate);
  }

  mute(muted) {
    this.muted = muted;
    this.level = 0;
    this.detector.reset();
    this.changed();
  }

  hear(frame) {
    if (!this.detector) return;
    const now = performance.now();
    if (this.busy && now > this.until) this.onIdle();
    const deaf = this.muted || ((this.busy || now < this.deafUntil) && !this.interrupting);
    this.level = deaf ? 0 : lfm.loudness(frame);
    this.changed();
    if (deaf) return this.detector.reset();
    const heard = this.detector.hear(frame, lfm.SpeechDetector, this.busy);
    if (heard === "start" && this.busy) document.dispatchEvent(new CustomEvent("lfm:hush"));
    if (heard !== "end" || this.detector.said.length * lfm.SpeechDetector.FRAME < lfm.HandsFree.LEAST) return;
    this.busy = true;       // from here on, and not only when the answer has begun
    this.until = now + 1000 * lfm.HandsFree.PATIENCE;
    document.dispatchEvent(new CustomEvent("lfm:asked"));
    this.send(this.detector.said, this.source.rate).catch(this.onIdle);
  }

  close() {
    document.removeEventListener("lfm:busy", this.onBusy);
    document.removeEventListener("lfm:idle", this.onIdle);
    this.source?.close();
  }
};
