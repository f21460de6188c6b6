// <sound-strip>: replay, seek and download of one finished sound.
//
// Attributes: src, name (of the downloaded file), seconds, bars (heights in percent, comma-separated), what ("your question").

window.lfm ??= {};

lfm.SoundStrip = class extends HTMLElement {
  connectedCallback() {
    if (this.replay) return;
    const what = this.getAttribute("what") ?? "sound";
    this.seconds = Number(this.getAttribute("seconds"));
    this.heights = this.getAttribute("bars").split(",").map(Number);
    this.replay = new lfm.Replay(() => this.show(), (seconds) => (this.heights[this.at(seconds)] ?? 0) / 100);
    this.innerHTML = `<button type="button" class="play"></button>
      <span class="wave" role="slider" tabindex="0" aria-valuemin="0"></span><span class="time"></span>
      <a class="tool" download title="Download WAV">${lfm.icon(lfm.icons.download)}</a>`;
    [this.button, this.wave, this.time, this.link] = this.children;
    this.wave.append(...this.heights.map((height) => Object.assign(document.createElement("i"), { style: `height:${Math.max(8, height)}%` })));
    this.wave.setAttribute("aria-label", `Position in ${what}`);
    this.wave.setAttribute("aria-valuemax", this.seconds.toFixed(1));
    this.link.href = this.getAttribute("src");
    this.replay.load(this.getAttribute("src"));
    this.link.download = this.getAttribute("name");
    this.link.setAttribute("aria-label", `Download ${what}`);
    this.what = what;
    this.button.addEventListener("click", () => this.replay.toggle());
    this.wave.addEventListener("pointerdown", (event) => { this.wave.setPointerCapture(event.pointerId); this.point(event); });
    this.wave.addEventListener("pointermove", (event) => { if (event.buttons) this.point(event); });
    this.wave.addEventListener("keydown", (event) => this.key(event));
    this.show();
  }

  disconnectedCallback() { if (this.replay.playing) this.replay.pause(); }

  point(event) {
    const { left, width } = this.wave.getBoundingClientRect();
    this.seek((event.clientX - left) / width * this.seconds);
  }

  key(event) {
    const now = this.replay.seconds, step = Math.max(0.5, this.seconds / 20);
    const to = { ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step, Home: 0, End: this.seconds }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.seek(to);
  }

  seek(seconds) { this.replay.seek(Math.min(this.seconds - 0.01, seconds)); }

  at(seconds) { return Math.floor(seconds / this.seconds * this.heights.length); }

  show() {
    const now = this.replay.seconds, begun = this.replay.playing || now > 0;
    lfm.face(this.button, this.replay.playing, this.what);
    [...this.wave.children].forEach((bar, i) => bar.classList.toggle("played", begun && i <= this.at(now)));
    this.time.textContent = lfm.clock(begun ? now : this.seconds);
    this.wave.setAttribute("aria-valuenow", now.toFixed(1));
    this.wave.setAttribute("aria-valuetext", `${lfm.clock(now)} of ${lfm.clock(this.seconds)}`);
  }
};
customElements.define("sound-strip", lfm.SoundStrip);
