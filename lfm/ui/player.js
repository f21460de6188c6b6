// The bar: one button that ends whatever goes on, and one word that says what that is.
//
// The value names a request, a run, whose messages are fetched in order until the final one; see player.py for the reason.
// The playing is in script/playout.js. The record of each run stays in window.__player.runs for whoever wants to check the timing.

const ASKED_LATELY = 3000;  // milliseconds: a gesture before a request is what asked for it
const COLOURS = { Speaking: "live", Playing: "live", Ready: "", Stopped: "", Muted: "", "Microphone blocked": "blocked" };

const part = (name) => element.querySelector("." + name);
const stopButton = part("stop");
const none = { final: true, id: "", hint: "" };
let context, output, meter;
let run = none;
let hint = { word: "Ready", text: "" };     // what the server said last of a run that makes no sound yet
let microphone = null;                      // { level, handsFree, muted } while it listens
let replay = null;                          // the level of a finished sound that is played again
let blocked = false;
let asked = -Infinity;
let refused = false;                        // Escape came last, when there was nothing to end: perhaps too early to know of a request

// Browsers let sound start only from a key or a press, so the context is made there.
function unlock(event) {
  if (event.type !== "pointerdown") asked = performance.now();
  refused = false;
  if (!context) {
    context = new AudioContext({ sampleRate: 24000 });
    output = context.createGain();
    meter = context.createAnalyser();
    meter.fftSize = 1024;
    output.connect(meter).connect(context.destination);
    Object.assign(window.__player, { context, output });
  }
  if (context.state === "suspended") context.resume();
}
for (const gesture of ["pointerdown", "pointerup", "touchend", "keydown"]) document.addEventListener(gesture, unlock, true);

// ---- what the bar says ----

// [word, hint, the button's word or null where there is nothing to end]
function now() {
  if (run.playing) return ["Speaking", "", "Stop"];
  if (!run.final && run.slow) return ["Slower than real time", whenReady(), "Stop"];
  if (!run.final && run.underruns) return ["Catching up", "", "Stop"];
  if (!run.final) return [hint.word, hint.text, "Stop"];
  if (microphone?.muted) return ["Muted", "Unmute to go on", "End"];
  if (microphone) return microphone.handsFree ? ["Listening", "Pause when you are done", "End"] : ["Listening", "", "Cancel"];
  if (replay !== null) return ["Playing", "", "Stop"];
  if (blocked) return ["Microphone blocked", "", null];
  return [run.silenced ? "Stopped" : "Ready", run.hint, null];
}

function whenReady() {
  const wait = run.wait;
  return wait ? `Plays when it is ready, in about ${wait < 90 ? `${Math.ceil(wait)} s` : `${Math.ceil(wait / 60)} min`}` : "Plays when it is ready";
}

const write = (name, text) => lfm.put(part(name), text);

let active = null;
function show() {
  const [word, text, button] = now();
  write("state", word);
  write("hint", text);
  write("word", button ?? "Stop");
  part("dot").hidden = word === "Ready" || word === "Stopped";
  element.dataset.colour = word === "Listening" ? (microphone.handsFree ? "live" : "recording") : COLOURS[word] ?? "waiting";
  stopButton.disabled = !button;
  stopButton.classList.toggle("solid", button === "Stop");
  document.body.classList.toggle("stoppable", button === "Stop");     // one solid button at a time
  const figures = !text && !blocked && (run.playing || !microphone);
  const first = run.firstSound && Math.round(run.firstSound - run.began);
  write("first", first && figures ? (first < 1000 ? `First sound ${first} ms` : `First sound ${(first / 1000).toFixed(1)} s`) : "");
  write("speed", figures ? run.speedWords ?? "" : "");
  scope.run();
  if (active === (active = !run.final || Boolean(run.playing))) return;
  document.dispatchEvent(new CustomEvent(active ? "lfm:busy" : "lfm:idle"));
}

// ---- stop ----

// Silent first, and only then is the server asked: nobody wants to hear more of what they stopped.
function hush() {
  if (run.final && !run.playing) return;
  const server = !run.final;
  run.silence();
  run.final = true;
  run.ended ??= performance.now();
  run.hint = "What was said is kept";
  show();
  if (server) trigger("stop");
}

function stop() {
  if (!run.final || run.playing) { hush(); lfm.Replay.current?.pause(); }
  else if (microphone?.handsFree) document.dispatchEvent(new CustomEvent("lfm:hands-free", { detail: false }));
  else if (microphone) document.dispatchEvent(new CustomEvent("lfm:cancel"));
  else {
    document.dispatchEvent(new CustomEvent("lfm:hush"));    // a replay
    refused = true;
  }
}

// ---- messages ----

async function follow(id) {
  if (!id || id <= run.id) return;      // an older request, which a newer one has ended
  if (!run.final || run.playing) run.silence();
  const moment = performance.now();
  const mine = run = new lfm.Playout(id, moment - asked < ASKED_LATELY ? asked : moment, () => context && { context, output }, show);
  run.hint = "";
  blocked = false;
  hint = { word: "Thinking", text: "" };
  window.__player.runs.push(run);
  if (window.__player.runs.length > 20) window.__player.runs.shift();
  show();
  if (refused && moment - asked < ASKED_LATELY) hush();
  for (let last, have = 0; !last?.final && mine === run;) {
    const messages = await server.fetch({ run: id, have }).catch(() => null) ?? [{ final: true, hint: "The connection was lost", speed: "" }];
    have += messages.length;
    last = messages.at(-1);
    for (const message of messages) if (mine === run) accept(message);
  }
}

function accept(message) {
  if (message.text) {
    run.read(message.text);
    document.dispatchEvent(new CustomEvent("lfm:text", { detail: { run: run.id, text: message.text } }));
  }
  if (message.state) hint = { word: message.state, text: message.hint };
  if (message.expected) run.expected = message.expected;
  if (message.pcm && !run.silenced) run.receive(message.pcm, message.rate);
  if (run.received > run.rate) run.speedWords = `${run.speed.toFixed(1)} times real time`;
  if (message.final) {
    run.speedWords = message.speed;
    if (!run.silenced) run.hint = message.hint;
    run.finish();
  } else {
    run.play();
  }
  show();
}

// ---- wiring ----

function level() {
  if (run.playing) {
    const wave = new Float32Array(meter.fftSize);
    meter.getFloatTimeDomainData(wave);
    return lfm.loudness(wave);
  }
  return replay ?? (microphone && !microphone.muted ? microphone.level : null);
}

window.__player = { runs: [], get run() { return run; }, context: null, output: null };
const scope = new lfm.Scope(part("scope"), level);
watch("value", () => follow(props.value));
stopButton.addEventListener("click", stop);
setInterval(() => { if (run.slow) { run.play(); show(); } }, 500);      // the wait counts down
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.defaultPrevented) stop(); });
document.addEventListener("lfm:hush", () => { if (hint.word !== "Transcribing") hush(); });     // which makes no sound
document.addEventListener("lfm:asked", () => { asked = performance.now(); refused = false; });
document.addEventListener("lfm:microphone", ({ detail }) => { microphone = detail; blocked = false; show(); });
document.addEventListener("lfm:blocked", () => { blocked = true; show(); });
document.addEventListener("lfm:replay", ({ detail }) => { replay = detail; show(); });
show();
