// The player: int16 pieces of sound in, gapless sound out, and one word that says what is happening.
//
// The value names a request, a run, whose messages are fetched in order until the final one; see player.py for the reason.
// Pieces are scheduled back to back as buffer sources of a context at the sound's own rate, so nothing is resampled and no sample is lost.
// The record of each run stays in window.__player.runs for whoever wants to check the timing.

const SOUND_RATE = 24000;
const START_WITH = 0.2;     // seconds in hand before sound starts, when the model is well ahead of the clock
const CAUTIOUS = 0.3;       // and when it is barely ahead, or after it ran dry
const LEAD = 0.02;          // the first piece is scheduled this far ahead, so that its start is not cut
const COLOURS = { Speaking: "live", Listening: "recording", Ready: "", Stopped: "", "Microphone blocked": "recording" };

const part = (name) => element.querySelector("." + name);
const stopButton = part("stop");
let context, output, meter;
let run = newRun("");
let listening = false;

function newRun(id) {
  return {
    id, began: performance.now(), have: 0, final: false, silenced: false,
    chunks: 0, received: 0, firstChunk: null, lastChunk: null, rate: SOUND_RATE,   // what came, in samples and milliseconds
    scheduled: 0, firstSound: null, underruns: 0, ended: null,                     // what was played of it
    waiting: [], nodes: new Set(), playing: false, next: 0, need: START_WITH, patient: false,
  };
}

// Browsers let sound start only from a key or a press, so the context is made there.
function unlock() {
  if (!context) {
    context = new AudioContext({ sampleRate: SOUND_RATE });
    output = context.createGain();
    meter = context.createAnalyser();
    meter.fftSize = 1024;
    output.connect(meter).connect(context.destination);
    window.__player.context = context;
    window.__player.output = output;
  }
  if (context.state === "suspended") context.resume();
}
for (const gesture of ["pointerdown", "touchend", "keydown"]) document.addEventListener(gesture, unlock, true);

// ---- what the bar says ----

function say(word, hint = "") {
  const active = listening || !run.final || run.playing;
  part("state").textContent = word;
  part("hint").textContent = hint;
  part("dot").hidden = word === "Ready" || word === "Stopped";
  element.dataset.colour = COLOURS[word] ?? "waiting";
  stopButton.disabled = !active;
  stopButton.classList.toggle("solid", active && !listening);
  part("word").textContent = listening ? "Cancel" : "Stop";
  if (active) draw();
}

function sayFigures(speed = "") {
  const first = run.firstSound && Math.round(run.firstSound - run.began);
  part("first").textContent = first ? (first < 1000 ? `First sound ${first} ms` : `First sound ${(first / 1000).toFixed(1)} s`) : "";
  part("speed").textContent = speed;
}

// ---- sound ----

const inHand = () => run.waiting.reduce((sum, samples) => sum + samples.length, 0) / run.rate;

// Seconds of sound that arrive in a second; the first piece only starts the clock.
function speed() {
  const elapsed = (run.lastChunk - run.firstChunk) / 1000;
  return run.chunks > 1 && elapsed > 0 ? (run.received - run.opening) / run.rate / elapsed : 0;
}

function decode(base64) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
}

function receive(message) {
  const samples = decode(message.pcm);
  run.rate = message.rate;
  run.lastChunk = performance.now();
  if (!run.chunks++) { run.firstChunk = run.lastChunk; run.opening = samples.length; }
  run.received += samples.length;
  run.waiting.push(samples);
}

function play() {
  if (run.silenced || !context) return;
  const enough = run.final || (!run.patient && inHand() >= (speed() >= 1.5 ? run.need : Math.max(run.need, CAUTIOUS)));
  if (!run.playing && enough && run.waiting.length) {
    run.playing = true;
    run.next = Math.ceil((context.currentTime + LEAD) * run.rate);
    run.firstSound ??= performance.now() + LEAD * 1000;
    say("Speaking");
    sayFigures();
  }
  while (run.playing && run.waiting.length) schedule(run.waiting.shift());
}

function schedule(samples) {
  const mine = run;
  const buffer = context.createBuffer(1, samples.length, run.rate);
  buffer.copyToChannel(samples, 0);
  const node = new AudioBufferSourceNode(context, { buffer });
  node.connect(output);
  node.start(run.next / run.rate);    // counted in samples: a sum of fractions would drift off the grid, and blur
  run.next += samples.length;
  run.scheduled += samples.length;
  run.nodes.add(node);
  node.onended = () => {
    mine.nodes.delete(node);
    if (mine === run && run.playing && !run.nodes.size) ranOut();
  };
}

// The last piece in hand has been played: either that was all, or the model is late.
function ranOut() {
  run.playing = false;
  if (run.final) return finish();
  run.underruns++;
  run.need = CAUTIOUS;
  run.patient = speed() < 0.95;   // it will never catch up: rather wait for all of the rest than stutter
  if (run.patient) say("Slower than real time", "Plays on when the rest is ready");
  else say("Catching up");
}

function finish() {
  run.ended ??= performance.now();
  say(run.silenced ? "Stopped" : "Ready", run.hint);
}

function silence() {
  run.silenced = true;
  run.playing = false;
  run.waiting = [];
  for (const node of run.nodes) { node.onended = null; node.stop(); node.disconnect(); }
  run.nodes.clear();
}

// Silent first, and only then is the server asked: nobody wants to hear more of what they stopped.
function stop() {
  if (listening) return document.dispatchEvent(new CustomEvent("lfm:cancel"));
  if (run.final && !run.playing) return;
  silence();
  const asked = !run.final;
  run.final = true;
  run.hint = "What was said is kept";
  finish();
  if (asked) trigger("stop");
}

// ---- messages ----

async function follow(id) {
  if (!id || id <= run.id) return;      // an older request, which a newer one has ended
  silence();
  const mine = run = newRun(id);
  window.__player.runs.push(run);
  if (window.__player.runs.length > 20) window.__player.runs.shift();
  sayFigures();
  for (let last; !last?.final && mine === run;) {
    const messages = await server.fetch({ run: id, have: mine.have }).catch(() => null) ?? [{ final: true, hint: "The connection was lost", speed: "" }];
    mine.have += messages.length;
    last = messages.at(-1);
    for (const message of messages) if (mine === run) accept(message);
  }
}

function accept(message) {
  if (run.silenced) return message.final && sayFigures(message.speed);
  if (message.pcm) receive(message);
  if (message.final) { run.final = true; run.hint = message.hint; }
  play();
  if (message.final) {
    sayFigures(message.speed);
    if (!run.playing) finish();
  } else if (message.state && !run.playing && !run.chunks) say(message.state, message.hint);
}

// ---- the level scope ----

const canvas = part("scope");
const levels = [];
const still = matchMedia("(prefers-reduced-motion: reduce)");
let drawing = false;
let microphone = 0;

function level() {
  if (listening) return microphone;
  if (!meter || !run.playing) return 0;
  const wave = new Float32Array(meter.fftSize);
  meter.getFloatTimeDomainData(wave);
  return Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
}

function draw() {
  if (!drawing) { drawing = true; requestAnimationFrame(frame); }
}

let drawn = 0;
function frame(now) {
  if (now - drawn > 45) { drawn = now; paint(still.matches ? 0 : level()); }
  const more = listening || run.playing || levels.some((value) => value > 0.001);
  if (more) requestAnimationFrame(frame);
  else drawing = false;
}

function paint(value) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const count = Math.max(1, Math.floor(width / 9));
  levels.push(value);
  if (!listening && !run.playing) levels.push(0, 0, 0, 0);    // over: let the rest run out quickly
  levels.splice(0, Math.max(0, levels.length - count));
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const pen = canvas.getContext("2d");
  pen.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  for (let i = 0; i < count; i++) {
    const loud = levels[levels.length - count + i] ?? 0;
    const tall = Math.max(2, Math.min(1, Math.sqrt(loud) * 1.3) * height);
    pen.fillStyle = loud > 0.001 ? style.color : style.getPropertyValue("--line-2");
    pen.beginPath();
    pen.roundRect(i * 9, (height - tall) / 2, loud > 0.001 ? 4 : 6, tall, 2);
    pen.fill();
  }
}

// ---- wiring ----

window.__player = { runs: [], get run() { return run; }, context: null, output: null };
run.final = true;
watch("value", () => follow(props.value));
stopButton.addEventListener("click", stop);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });
document.addEventListener("lfm:hush", () => stop());
document.addEventListener("lfm:listening", (event) => { if (!listening) { listening = true; say("Listening"); } microphone = event.detail; });
document.addEventListener("lfm:listened", () => { listening = false; microphone = 0; say("Ready"); });
document.addEventListener("lfm:blocked", () => say("Microphone blocked"));
addEventListener("resize", () => paint(0));
requestAnimationFrame(() => paint(0));
