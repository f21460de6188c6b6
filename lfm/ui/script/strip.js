// <sound-strip>: replay, seek and download of one finished sound. One plays at a time, and Stop or Esc ends it.
//
// Attributes: src, name (of the downloaded file), seconds, bars (heights in percent, comma-separated), what ("your question").

window.lfm ??= {};

lfm.SoundStrip = class extends HTMLElement {
  connectedCallback() {
    if (this.audio) return;
    const what = this.getAttribute("what") ?? "sound";
    this.seconds = Number(this.getAttribute("seconds"));
    this.heights = this.getAttribute("bars").split(",").map(Number);
    this.audio = new Audio();
    this.audio.preload = "none";
    this.audio.src = this.getAttribute("src");
    this.innerHTML = `<button type="button" class="play">${lfm.icon(lfm.icons.play)}</button>
      <span class="wave" role="slider" tabindex="0" aria-valuemin="0"></span><span class="time"></span>
      <a class="tool" download title="Download WAV">${lfm.icon(lfm.icons.download)}</a>`;
    [this.button, this.wave, this.time, this.link] = this.children;
    this.wave.append(...this.heights.map((height) => Object.assign(document.createElement("i"), { style: `height:${Math.max(8, height)}%` })));
    this.wave.setAttribute("aria-label", `Position in ${what}`);
    this.wave.setAttribute("aria-valuemax", this.seconds.toFixed(1));
    this.link.href = this.audio.src;
    this.link.download = this.getAttribute("name");
    this.link.setAttribute("aria-label", `Download ${what}`);
    this.what = what;
    this.button.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    this.audio.addEventListener("ended", () => this.pause(0));
    this.wave.addEventListener("pointerdown", (event) => { this.wave.setPointerCapture(event.pointerId); this.point(event); });
    this.wave.addEventListener("pointermove", (event) => { if (event.buttons) this.point(event); });
    this.wave.addEventListener("keydown", (event) => this.key(event));
    this.show();
  }

  disconnectedCallback() { if (this.playing) this.pause(); }

  get playing() { return lfm.SoundStrip.current === this; }

  play() {
    document.dispatchEvent(new CustomEvent("lfm:hush"));    // whatever sounds now
    lfm.SoundStrip.current = this;
    this.audio.play().catch(() => this.pause());
    this.follow();
  }

  pause(at = this.audio.currentTime) {
    if (this.playing) lfm.SoundStrip.current = null;
    this.audio.pause();
    if (at !== this.audio.currentTime) this.audio.currentTime = at;
    document.dispatchEvent(new CustomEvent("lfm:replay", { detail: null }));
    this.show();
  }

  seek(seconds) {
    this.audio.currentTime = Math.max(0, Math.min(this.seconds - 0.01, seconds));
    this.show();
  }

  point(event) {
    const { left, width } = this.wave.getBoundingClientRect();
    this.seek((event.clientX - left) / width * this.seconds);
  }

  key(event) {
    const now = this.audio.currentTime, step = Math.max(0.5, this.seconds / 20);
    const to = { ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step, Home: 0, End: this.seconds }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.seek(to);
  }

  follow() {
    this.show();
    if (!this.playing) return;
    document.dispatchEvent(new CustomEvent("lfm:replay", { detail: (this.heights[this.at] ?? 0) / 250 }));
    requestAnimationFrame(() => this.follow());
  }

  get at() { return Math.floor(this.audio.currentTime / this.seconds * this.heights.length); }

  show() {
    const now = this.audio.currentTime, begun = this.playing || now > 0;
    if (this.shown !== this.playing) {
      this.shown = this.playing;
      this.button.innerHTML = lfm.icon(this.playing ? lfm.icons.pause : lfm.icons.play);
      this.button.setAttribute("aria-label", `${this.playing ? "Pause" : "Play"} ${this.what}`);
    }
    [...this.wave.children].forEach((bar, i) => bar.classList.toggle("played", begun && i <= this.at));
    this.time.textContent = lfm.clock(begun ? now : this.seconds);
    this.wave.setAttribute("aria-valuenow", now.toFixed(1));
    this.wave.setAttribute("aria-valuetext", `${lfm.clock(now)} of ${lfm.clock(this.seconds)}`);
  }
};
customElements.define("sound-strip", lfm.SoundStrip);
document.addEventListener("lfm:hush", () => lfm.SoundStrip.current?.pause());
