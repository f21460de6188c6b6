// When does someone speak? Frames of 20 ms in; "start" and "end" out, and between the two the samples, with what came just before.
//
// A frame counts as speech when it stands clearly above the quietest moments of the last seconds. Speech has such moments between its
// syllables, so the threshold follows a fan or a street but not a long sentence. It takes more to begin than to go on.

window.lfm ??= {};

lfm.SpeechDetector = class {
  static FRAME = 0.02;          // seconds
  static BEFORE = 0.3;          // kept from before the first loud frame, so that no consonant is cut
  static PAUSE = 0.6;           // of silence ends an utterance
  static AFTER = 0.3;           // of that pause is kept
  static LONGEST = 60;
  static BEGIN = { above: 13, least: -50, loud: 6, of: 8 };     // dB over the floor, dB of full scale; so many of the last frames
  static INSIST = { above: 19, least: -40, loud: 8, of: 14 };  // to interrupt: louder and longer, for a voice, not an echo of ours
  static STAY = { above: 8, least: -55 };
  static FLOOR = [-65, -45];    // dB; quieter and louder rooms are taken for these

  constructor(rate) {
    this.pole = Math.exp(-2 * Math.PI * 100 / rate);    // hum below 100 Hz is not speech
    this.before = this.past = 0;
    this.minima = Array(8).fill(0);                     // of half a second each, the newest first
    this.levels = [];
    this.frames = [];
    this.count = this.quiet = 0;
    this.speaking = false;
  }

  // Forget what was heard, but not how loud the room is.
  reset() {
    this.levels = [];
    this.frames = [];
    this.quiet = 0;
    this.speaking = false;
  }

  get floor() {
    const [low, high] = lfm.SpeechDetector.FLOOR;
    return Math.max(low, Math.min(high, ...this.minima));
  }

  hear(frame, { BEGIN, INSIST, STAY, FRAME, BEFORE, PAUSE, AFTER, LONGEST } = lfm.SpeechDetector, insist = false) {
    const level = this.level(frame), begin = insist ? INSIST : BEGIN, keep = Math.round(BEFORE / FRAME) + begin.of;
    this.levels = [...this.levels, level].slice(-begin.of);
    this.frames.push(frame);
    if (!this.speaking) {
      this.frames.splice(0, this.frames.length - keep);
      const needed = Math.max(this.floor + begin.above, begin.least);
      if (this.levels.filter((one) => one > needed).length < begin.loud) return null;
      this.speaking = true;
      this.quiet = 0;
      return "start";
    }
    this.quiet = level > Math.max(this.floor + STAY.above, STAY.least) ? 0 : this.quiet + 1;
    if (this.quiet * FRAME < PAUSE && this.frames.length * FRAME < LONGEST) return null;
    this.said = this.frames.slice(0, this.frames.length - Math.max(0, this.quiet - Math.round(AFTER / FRAME)));
    this.reset();
    return "end";
  }

  level(frame) {
    let sum = 0;
    for (const x of frame) {
      this.past = this.pole * (this.past + x - this.before);
      this.before = x;
      sum += this.past * this.past;
    }
    const level = 10 * Math.log10(sum / frame.length + 1e-10);
    this.smooth = this.smooth === undefined ? level : this.smooth + (level - this.smooth) / 3;
    if (this.count++ % 25 === 0) this.minima = [0, ...this.minima.slice(0, 7)];
    this.minima[0] = Math.min(this.minima[0], this.smooth);
    return level;
  }
};
