// A finished sound that is played again: an answer, a take, a file. One at a time on the whole page; the bar says Playing, and
// Stop, Esc and whatever begins to sound end it.

window.lfm ??= {};

lfm.Replay = class {
  static current = null;

  // `changed` is called when it begins, moves and ends; `level(seconds)` is how loud it is there, 0 to 1.
  constructor(changed, level = () => 0) {
    Object.assign(this, { changed, level, audio: new Audio() });
    this.audio.preload = "none";
    this.audio.addEventListener("ended", () => this.pause(0));
  }

  get playing() { return lfm.Replay.current === this; }

  get seconds() { return this.audio.currentTime; }

  load(url) {
    const whole = new URL(url, document.baseURI).href;
    if (this.audio.src !== whole) { this.audio.src = whole; this.pause(); }
  }

  play() {
    document.dispatchEvent(new CustomEvent("lfm:hush"));    // whatever sounds now
    lfm.Replay.current = this;
    this.audio.play().catch(() => this.pause());
    this.follow();
  }

  pause(at = this.audio.currentTime) {
    const sounded = this.playing;
    this.audio.pause();
    if (at !== this.audio.currentTime) this.audio.currentTime = at;
    if (sounded) {
      lfm.Replay.current = null;
      document.dispatchEvent(new CustomEvent("lfm:replay", { detail: null }));
    }
    this.changed();
  }

  toggle() { this.playing ? this.pause() : this.play(); }

  seek(seconds) {
    this.audio.currentTime = Math.max(0, seconds);
    this.changed();
  }

  follow() {
    if (!this.playing) return;
    this.changed();
    document.dispatchEvent(new CustomEvent("lfm:replay", { detail: 0.4 * this.level(this.audio.currentTime) }));
    requestAnimationFrame(() => this.follow());
  }
};
document.addEventListener("lfm:hush", () => lfm.Replay.current?.pause());

// The face of a button that plays: what it would do, drawn and in words.
lfm.face = (button, playing, what) => {
  const icon = playing ? "pause" : "play";
  if (button.dataset.icon !== icon) { button.dataset.icon = icon; button.innerHTML = lfm.icon(lfm.icons[icon]); }
  button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${what}`);
};
