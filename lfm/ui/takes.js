// The takes, newest first. One can be opened to its waveform and spectrogram; one sound is heard at a time. A pair of the same
// speech by two decoders says only A and B until one is chosen: the names are not in the page before.

const icon = (inside) => `<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${inside}</svg>`;
const PLAY = icon('<path fill="currentColor" stroke="none" d="M8.5 6.2v11.6a.6.6 0 0 0 .92.5l9-5.8a.6.6 0 0 0 0-1l-9-5.8a.6.6 0 0 0-.92.5z"/>');
const PAUSE = icon('<g fill="currentColor" stroke="none"><rect x="7.5" y="6" width="3" height="12" rx="1"/><rect x="13.5" y="6" width="3" height="12" rx="1"/></g>');
const STAR = icon('<path d="m12 4 2.4 5 5.5.7-4 3.8 1 5.5-4.9-2.7L7.1 19l1-5.5-4-3.8 5.5-.7z"/>');
const LOAD = icon('<path d="M12 4v11m0 0-4-4m4 4 4-4M5 19.5h14"/>');
const BIN = icon('<path d="M5 7h14M10 7V4.5h4V7m3.5 0-.8 12h-9.4l-.8-12M10.5 11v5m3-5v5"/>');
const WAVE = '<svg class="wave" preserveAspectRatio="none" aria-hidden="true"><path class="rest"/><path class="heard"/></svg>';
const TAKE = `<div class="line"><button type="button" class="play"></button>
    <button type="button" class="words"><span class="text"></span><span class="how"></span></button>
    <span class="small">${WAVE}</span><span class="length"></span>
    <button type="button" class="icon keep">${STAR}</button><a class="icon load">${LOAD}</a><button type="button" class="icon delete">${BIN}</button></div>
  <div class="more"><div class="large">${WAVE}<input type="range" min="0" step="0.01" value="0"></div><div class="spectrogram" role="img"></div>
    <p class="axis"><span>0:00</span><span class="end"></span></p><p class="figures"></p></div>`;
const HALF = (letter) => `<div class="half"><button type="button" class="play"></button><b>${letter}</b><span class="small">${WAVE}</span><button type="button" class="choose">Choose ${letter}</button></div>`;
const PAIR = `<div class="question"><div><p class="text">Which sounds better?</p><p class="how">The same speech, decoded two ways. Names appear after you choose.</p></div>
    <button type="button" class="icon delete">${BIN}</button></div>
  <p class="said"></p><div class="halves">${HALF("A")}${HALF("B")}</div><button type="button" class="same">No difference</button>`;
const GROWING = `<div class="line"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><div class="words"><span class="text"></span><span class="how"></span></div><span class="small">${WAVE}</span><span class="length"></span></div>`;

const list = element.querySelector("ul");
const sound = new Audio();
const items = new Map();      // id -> <li>
let playing = null;           // { item, holder, view }: whose sound is heard, and where its wave is drawn
let opened = null;            // the id of the take that is open
let newest = null;

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;
const put = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };
const absolute = (url) => new URL(url, document.baseURI).href;

// ---- what is shown ----

function show(value) {
  const takes = value?.takes ?? [];
  const growing = value?.growing ? [{ ...value.growing, id: "growing", kind: "growing" }] : [];
  const some = takes.length + growing.length > 0;
  element.querySelector(".empty").hidden = some;
  element.querySelector(".top").hidden = !some;
  put(element.querySelector(".count"), takes.length ? String(takes.length) : "");
  element.querySelector(".sweep").hidden = !takes.some((take) => take.kept) || takes.every((take) => take.kept);
  put(element.querySelector(".verdicts"), value?.verdicts ?? "");
  if (takes[0]?.id !== newest) { newest = takes[0]?.id; if (takes[0]?.kind === "take") opened = newest; }
  const views = [...growing, ...takes];
  for (const [id, item] of items) {
    if (views.some((view) => view.id === id)) continue;
    if (playing?.item === item) pause();
    const neighbour = item.contains(document.activeElement) && (item.nextElementSibling ?? item.previousElementSibling);
    item.remove();
    items.delete(id);
    (neighbour || null)?.querySelector("button")?.focus();
  }
  views.forEach((view, at) => {
    const item = items.get(view.id) ?? added(view);
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    item.view = view;
    ({ take: patchTake, pair: patchPair, growing: patchGrowing })[view.kind](item, view);
  });
}

function added(view) {
  const item = document.createElement("li");
  item.className = view.kind;
  item.innerHTML = { take: TAKE, pair: PAIR, growing: GROWING }[view.kind];
  items.set(view.id, item);
  const on = (name, answer) => item.querySelector(name)?.addEventListener("click", answer);
  on(".delete", () => trigger("delete", { id: view.id }));
  on(".keep", () => trigger("keep", { id: view.id }));
  on(".same", () => trigger("choose", { id: view.id, verdict: "same" }));
  if (view.kind === "take") {
    on(".words", () => { opened = opened === view.id ? null : view.id; show(props.value); });
    on(".play", () => toggle(item, item, item.view));
    item.querySelector("input").addEventListener("input", ({ target }) => seek(item, Number(target.value)));
    draw(item.querySelector(".small .wave"), view.bars, 36);
    draw(item.querySelector(".large .wave"), view.bars, view.bars.length);
    item.querySelector(".spectrogram").style.setProperty("--picture", `url("${absolute(view.picture)}")`);
  }
  item.querySelectorAll(".half").forEach((half, at) => {
    half.querySelector(".play").addEventListener("click", () => toggle(item, half, view.halves[at]));
    half.querySelector(".choose").addEventListener("click", () => trigger("choose", { id: view.id, verdict: "AB"[at] }));
    draw(half.querySelector(".wave"), view.halves[at].bars, 28);
  });
  return item;
}

function patchTake(item, view) {
  const at = (name) => item.querySelector(name);
  const open = opened === view.id;
  put(at(".text"), view.text);
  put(at(".how"), view.how);
  put(at(".length"), clock(view.seconds));
  put(at(".end"), clock(view.seconds));
  put(at(".figures"), view.figures);
  item.classList.toggle("open", open);
  at(".words").setAttribute("aria-expanded", open);
  at(".more").hidden = !open;
  const name = `take, ${view.text.slice(0, 60)}`;
  at(".keep").setAttribute("aria-pressed", view.kept);
  at(".keep").setAttribute("aria-label", `Keep ${name}`);
  at(".keep").title = view.kept ? "Kept" : "Keep";
  at(".load").href = absolute(view.url);
  at(".load").download = view.file;
  at(".load").title = "Download WAV";
  at(".load").setAttribute("aria-label", `Download WAV of ${name}`);
  at(".delete").setAttribute("aria-label", `Delete ${name}`);
  at(".delete").title = "Delete";
  at("input").max = view.seconds;
  at("input").setAttribute("aria-label", "Position in seconds");
  at(".spectrogram").setAttribute("aria-label", "Spectrogram, 0 to 12 kHz");
  face(item, name);
}

function patchPair(item, view) {
  put(item.querySelector(".said"), `“${view.text}” · ${view.how}`);
  item.querySelector(".delete").setAttribute("aria-label", "Delete both");
  item.querySelectorAll(".half").forEach((half, at) => face(half, "AB"[at]));
}

function patchGrowing(item, view) {
  put(item.querySelector(".text"), view.text);
  put(item.querySelector(".how"), view.how);
  put(item.querySelector(".length"), view.bars.length ? view.length : "");
  draw(item.querySelector(".wave"), view.bars, 36);
}

// Bars as one path, twice: the part that was heard lies over the rest, and is cut off where the sound is.
function draw(wave, bars, count) {
  const loud = Array.from({ length: count }, (_, at) => {
    const part = bars.slice(Math.floor((at * bars.length) / count), Math.floor(((at + 1) * bars.length) / count) || 1);
    return part.length ? Math.max(...part) : 0;
  });
  wave.setAttribute("viewBox", `0 0 ${count * 4} 40`);
  const tall = (value) => Math.max(1, Math.sqrt(value) * 18);
  const path = bars.length ? loud.map((value, at) => `M${at * 4 + 2} ${20 - tall(value)}v${2 * tall(value)}`).join("") : "";
  for (const each of wave.querySelectorAll("path")) each.setAttribute("d", path);
}

function face(holder, name) {
  const button = holder.querySelector(".play");
  const now = playing?.holder === holder ? "pause" : "play";
  if (button.dataset.icon !== now) { button.dataset.icon = now; button.innerHTML = now === "play" ? PLAY : PAUSE; }
  button.setAttribute("aria-label", `${now === "pause" ? "Pause" : "Play"} ${name ?? button.getAttribute("aria-label").replace(/^\w+ /, "")}`);
}

// ---- sound ----

function toggle(item, holder, view) {
  const before = playing?.holder;
  pause();
  if (before === holder) return;
  document.dispatchEvent(new CustomEvent("lfm:hush"));   // what the model says now would be heard at the same time
  if (sound.src !== absolute(view.url)) sound.src = absolute(view.url);
  playing = { item, holder, view };
  sound.play().then(follow, () => pause());
  face(holder);
}

function pause() {
  const before = playing;
  playing = null;
  sound.pause();
  if (before) face(before.holder);
}

function seek(item, seconds) {
  if (sound.src !== absolute(item.view.url)) { pause(); sound.src = absolute(item.view.url); }
  sound.currentTime = seconds;
  mark(item, item.view, seconds);
}

function follow() {
  if (!playing) return;
  mark(playing.holder, playing.view, sound.currentTime);
  requestAnimationFrame(follow);
}

function mark(holder, view, seconds) {
  holder.style.setProperty("--heard", `${(100 * seconds) / view.seconds}%`);
  const position = holder.querySelector("input");
  if (position) { position.value = seconds; position.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${view.seconds.toFixed(1)} s`); }
}

sound.addEventListener("ended", () => {
  if (playing) mark(playing.holder, playing.view, 0);
  pause();
});
element.querySelector(".sweep").addEventListener("click", () => trigger("sweep"));
document.addEventListener("lfm:hush", pause);
document.addEventListener("click", (event) => { if (event.target.closest?.("#speak-button")) pause(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") pause(); });
watch("value", () => show(props.value));
show(props.value);
