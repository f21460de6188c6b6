// The record button: samples from the microphone to a 16-bit WAV file, uploaded, and its path handed to Python.
//
// Hold it and let go, or press it briefly and press again; the space bar holds it too. Escape, or Cancel in the bar, throws the recording away.

const SHORT_PRESS = 350;    // milliseconds: a shorter press leaves the recording running until the next one
const LEAST = 0.3;          // seconds of sound worth sending
const BLOCK = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([[samples]]) { if (samples) this.port.postMessage(samples.slice()); return true; }
})`;

const button = element.querySelector(".record");
const notice = element.querySelector(".notice");
const word = button.querySelector(".word");
const clock = button.querySelector(".clock");
let take = null;            // the recording that runs

// ---- sound ----

async function open() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  const context = new AudioContext();
  const module = URL.createObjectURL(new Blob([BLOCK], { type: "text/javascript" }));
  await context.audioWorklet.addModule(module);
  URL.revokeObjectURL(module);
  const tap = new AudioWorkletNode(context, "tap");
  context.createMediaStreamSource(stream).connect(tap);
  return { stream, context, tap };
}

function close({ stream, context }) {
  for (const track of stream.getTracks()) track.stop();
  context.close();
}

function wav(blocks, length, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);       // PCM, one channel
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * length, true);
  let at = 44;
  for (const block of blocks) for (const x of block) { view.setInt16(at, Math.max(-1, Math.min(1, x)) * 32767, true); at += 2; }
  return new File([view], "recording.wav", { type: "audio/wav" });
}

// ---- a recording ----

async function start() {
  if (take) return;
  const mine = take = { blocks: [], length: 0, rate: 0, pressed: performance.now(), source: null };
  notice.hidden = true;
  document.dispatchEvent(new CustomEvent("lfm:hush"));    // whoever talks does not want to be talked over
  show("One moment");
  try {
    mine.source = await open();
  } catch (error) {
    take = null;
    return refused(error);
  }
  if (take !== mine) return close(mine.source);           // cancelled while the browser asked for permission
  mine.rate = mine.source.context.sampleRate;
  mine.source.tap.port.onmessage = ({ data }) => {
    mine.blocks.push(data);
    mine.length += data.length;
    const loud = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
    document.dispatchEvent(new CustomEvent("lfm:listening", { detail: loud }));
    const seconds = Math.floor(mine.length / mine.rate);
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  show(props.recording);
  if (mine.released) finish();
}

async function finish() {
  const mine = end();
  if (!mine) return;
  const seconds = mine.length / (mine.rate || 1);
  if (seconds < LEAST) return warn(`Only ${seconds.toFixed(1)} s of speech`, "Hold the button while you talk, and let go when you are done.", "mild");
  if (mine.blocks.every((block) => block.every((x) => x === 0))) return warn("No sound was recorded", "Check which microphone the browser uses.");
  try {
    const { path } = await upload(wav(mine.blocks, mine.length, mine.rate));
    trigger("utterance", { path });
  } catch {
    warn("The recording could not be sent", "Is the program still running? Try again.");
  }
}

function end() {
  const mine = take;
  take = null;
  show(props.idle);
  if (mine?.source) { mine.source.tap.port.onmessage = null; close(mine.source); }
  if (mine) document.dispatchEvent(new CustomEvent("lfm:listened"));
  return mine;
}

// ---- what the user sees ----

function show(words) {
  word.textContent = words;
  if (!take) clock.textContent = "";
  button.classList.toggle("recording", Boolean(take));
}

function warn(title, remedy, kind = "") {
  notice.querySelector("strong").textContent = title;
  notice.querySelector("p").textContent = remedy;
  notice.classList.toggle("mild", kind === "mild");
  notice.hidden = false;
}

function refused(error) {
  show(props.idle);
  if (!window.isSecureContext) {
    warn("This page was opened over http", `Browsers hide the microphone then. Open http://localhost:${location.port} on the computer itself.`);
  } else if (error.name === "NotFoundError") {
    warn("No microphone was found", "Connect one and try again. You can type or attach a file meanwhile.");
  } else {
    warn("The browser is blocking the microphone", "Click the icon at the left of the address bar, choose Allow for the microphone, then try again. You can keep typing meanwhile.");
  }
  document.dispatchEvent(new CustomEvent("lfm:blocked"));
}

// ---- wiring ----

function press() {
  if (take) finish();
  else start();
}

function release() {
  if (!take || performance.now() - take.pressed < SHORT_PRESS) return;
  if (take.source && take.rate) finish();
  else take.released = true;      // the microphone is still being opened
}

const visible = () => element.offsetParent !== null;
const free = () => !document.activeElement?.closest("input, textarea, button, a, [role=tab], [contenteditable]");
button.addEventListener("pointerdown", (event) => { if (event.button === 0) { button.setPointerCapture(event.pointerId); press(); } });
button.addEventListener("pointerup", release);
button.addEventListener("pointercancel", release);
button.addEventListener("contextmenu", (event) => event.preventDefault());    // a long press on a phone
button.addEventListener("click", (event) => { if (event.detail === 0) press(); });   // from the keyboard or a screen reader
document.addEventListener("keydown", (event) => { if (event.key === " " && !event.repeat && visible() && free()) { event.preventDefault(); press(); } });
document.addEventListener("keyup", (event) => { if (event.key === " " && free()) release(); });
document.addEventListener("lfm:cancel", () => end());
notice.querySelector(".close").addEventListener("click", () => { notice.hidden = true; });
