// The level of what is heard, as bars that wander to the left.

window.lfm ??= {};

lfm.Scope = class {
  static EVERY = 45;    // milliseconds between two bars
  static STEP = 9;      // pixels from bar to bar

  // `level` gives the loudness now, 0 to 1, or null where nothing sounds.
  constructor(canvas, level) {
    this.canvas = canvas;
    this.level = level;
    this.levels = [];
    this.drawn = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    new ResizeObserver(() => this.paint()).observe(canvas);
    new MutationObserver(() => this.paint()).observe(document.body, { attributeFilter: ["class"] });    // dark or light
  }

  run() {
    if (!this.running) { this.running = true; requestAnimationFrame((now) => this.frame(now)); }
  }

  frame(now) {
    const level = this.level();
    if (now - this.drawn > lfm.Scope.EVERY) {
      this.drawn = now;
      this.levels.push(this.still.matches ? 0 : level ?? 0);
      if (level === null) this.levels.push(0, 0, 0, 0);     // over: let the rest run out quickly
      this.paint();
    }
    if (level !== null || this.levels.some((one) => one > 0.001)) requestAnimationFrame((next) => this.frame(next));
    else this.running = false;
  }

  paint() {
    const { canvas, levels } = this, { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    const count = Math.max(1, Math.floor(width / lfm.Scope.STEP));
    levels.splice(0, Math.max(0, levels.length - count));
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
    pen.scale(devicePixelRatio, devicePixelRatio);
    for (let i = 0; i < count; i++) {
      const loud = levels[levels.length - count + i] ?? 0, sounds = loud > 0.001;
      const tall = sounds ? Math.max(2, Math.min(1, Math.sqrt(loud) * 1.3) * height) : 2;
      pen.fillStyle = sounds ? style.color : style.getPropertyValue("--line-2");
      pen.beginPath();
      pen.roundRect(i * lfm.Scope.STEP, (height - tall) / 2, sounds ? 4 : 6, tall, 2);
      pen.fill();
    }
  }
};
