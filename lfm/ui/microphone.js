// The record button: a recording goes to the server as a WAV file, and its path to Python.
//
// Hold it and let go, or press it briefly and press again; the space bar holds it too. Escape, or Cancel in the bar, throws the recording
// away. While the page is hands-free (script/handsfree.js) it is Mute instead.

const SHORT_PRESS = 350;    // milliseconds: a shorter press leaves the recording running until the next one
const LEAST = 0.3;          // seconds of sound worth sending

const button = element.querySelector(".record");
const notice = element.querySelector(".notice");
const word = button.querySelector(".word");
const clock = button.querySelector(".clock");
const bars = [...button.querySelectorAll(".level i")];
let take = null;            // the recording that runs
let hands = null;           // hands-free, while it is on
let again = start;          // what to do when the microphone did not open and someone tries again

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

// ---- a recording ----

async function start() {
  if (take) return;
  const mine = take = { frames: [], seconds: 0, pressed: performance.now(), source: null };
  notice.hidden = true;
  tell("lfm:hush");       // whoever talks does not want to be talked over
  show();
  try {
    mine.source = await lfm.openMicrophone((frame) => hear(mine, frame));
  } catch (error) {
    if (take === mine) take = null;
    return refused(error, start);
  }
  if (take !== mine) return mine.source.close();          // cancelled while the browser asked for permission
  mine.source.onLost(() => { end(); refused(null, start); });
  show();
  if (mine.released) finish();
}

function hear(mine, frame) {
  mine.frames.push(frame);
  mine.seconds += frame.length / mine.source.rate;
  clock.textContent = lfm.clock(mine.seconds);
  tell("lfm:microphone", { level: lfm.loudness(frame), handsFree: false });
}

async function finish() {
  const mine = end();
  if (!mine) return;
  if (mine.seconds < LEAST) return warn(`Only ${mine.seconds.toFixed(1)} s of speech`, "Hold the button while you talk, and let go when you are done.", "mild");
  if (mine.frames.every((frame) => frame.every((x) => x === 0))) return warn("No sound was recorded", "Check which microphone the browser uses.", "again");
  tell("lfm:asked");
  send(mine.frames, mine.source.rate).catch(() => {});
}

async function send(frames, rate) {
  try {
    const { path } = await upload(lfm.wav(frames, rate));
    trigger("utterance", { path });
  } catch (error) {
    warn("The recording could not be sent", "Is the program still running? Try again.");
    throw error;
  }
}

function end() {
  const mine = take;
  take = null;
  mine?.source?.close();
  show();
  if (mine) tell("lfm:microphone", null);
  return mine;
}

// ---- hands-free ----

async function begin() {
  if (hands) return;
  end();
  notice.hidden = true;
  tell("lfm:hush");
  const mine = hands = new lfm.HandsFree({ send, changed });
  try {
    await mine.open();
  } catch (error) {
    leave();
    return refused(error, begin);
  }
  if (hands !== mine) return mine.close();
  mine.interrupting = localStorage.getItem("lfm-interrupt") === "yes";
  mine.source.onLost(() => { leave(); refused(null, begin); });
  show();
  changed();
}

function changed() {
  if (!hands) return;
  if (!visible()) return leave();       // nobody keeps an ear open on a page that shows something else
  tell("lfm:microphone", { level: hands.level, handsFree: true, muted: hands.muted });
  if (word.textContent !== "Mute" && !hands.muted) show();
  bars.forEach((bar, i) => { bar.style.height = `${Math.max(3, Math.min(1, 3 * Math.sqrt(hands.level) * (1 - Math.abs(i - 3) / 5)) * 20)}px`; });
}

function leave() {
  hands?.close();
  hands = null;
  show();
  tell("lfm:microphone", null);
  tell("lfm:hands-free", false);
}

// ---- what the user sees ----

function show() {
  if (hands) word.textContent = !hands.detector ? "One moment" : hands.muted ? "Unmute" : "Mute";
  else if (take) word.textContent = take.source ? props.recording : "One moment";
  else word.textContent = props.idle;
  if (!take) clock.textContent = "";
  button.classList.toggle("recording", Boolean(take));
  button.classList.toggle("hands-free", Boolean(hands));
  button.classList.toggle("muted", Boolean(hands?.muted));
  if (hands) button.setAttribute("aria-pressed", String(hands.muted));
  else button.removeAttribute("aria-pressed");
}

function warn(title, remedy, kind = "") {
  notice.querySelector("strong").textContent = title;
  notice.querySelector("p").textContent = remedy;
  notice.classList.toggle("mild", kind === "mild");
  notice.querySelector(".again").hidden = kind !== "again";
  notice.hidden = false;
}

function refused(error, act) {
  again = act;
  show();
  warn(...lfm.whyNoMicrophone(error));
  button.classList.add("blocked");
  tell("lfm:blocked");
}

// ---- wiring ----

function press() {
  button.classList.remove("blocked");
  if (hands) hands.detector && (hands.mute(!hands.muted), show());
  else if (take) finish();
  else start();
}

function release() {
  if (!take || performance.now() - take.pressed < SHORT_PRESS) return;
  if (take.source) finish();
  else take.released = true;      // the microphone is still being opened
}

const visible = () => button.offsetParent !== null;
const free = () => !document.activeElement?.closest("input, textarea, button, a, [role=tab], [role=slider], [contenteditable]");
button.addEventListener("pointerdown", (event) => { if (event.button === 0) { button.setPointerCapture(event.pointerId); press(); } });
button.addEventListener("pointerup", release);
button.addEventListener("pointercancel", release);
button.addEventListener("contextmenu", (event) => event.preventDefault());    // a long press on a phone
button.addEventListener("click", (event) => { if (event.detail === 0) press(); });   // from the keyboard or a screen reader
document.addEventListener("keydown", (event) => { if (event.key === " " && !event.repeat && visible() && free()) { event.preventDefault(); press(); } });
document.addEventListener("keyup", (event) => { if (event.key === " " && free()) release(); });
document.addEventListener("lfm:cancel", end);
const dismiss = () => { notice.hidden = true; button.classList.remove("blocked"); };
notice.querySelector(".close").addEventListener("click", dismiss);
notice.querySelector(".again").addEventListener("click", () => { dismiss(); if (again === begin) tell("lfm:hands-free", true); else start(); });
if (props.hands_free) {
  document.addEventListener("lfm:hands-free", ({ detail }) => {
    if (detail) begin();
    else if (hands) leave();
  });
  document.addEventListener("lfm:interrupt", ({ detail }) => { if (hands) hands.interrupting = detail; });
}
