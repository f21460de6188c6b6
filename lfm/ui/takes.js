// The takes, newest first. One can be opened to its waveform and spectrogram; one sound is heard at a time. A pair of the same
// speech by two decoders says only A and B until one is chosen: the names are not in the page before.

const STAR = lfm.icon('<path d="m12 4 2.4 5 5.5.7-4 3.8 1 5.5-4.9-2.7L7.1 19l1-5.5-4-3.8 5.5-.7z"/>');
const BIN = lfm.icon('<path d="M5 7h14M10 7V4.5h4V7m3.5 0-.8 12h-9.4l-.8-12M10.5 11v5m3-5v5"/>');
const WAVE = '<svg class="wave" preserveAspectRatio="none" aria-hidden="true"><path class="rest"/><path class="heard"/></svg>';
const TAKE = `<div class="line"><button type="button" class="play"></button>
    <button type="button" class="words"><span class="text"></span><span class="how"></span></button>
    <span class="small">${WAVE}</span><span class="length"></span>
    <button type="button" class="icon keep">${STAR}</button><a class="icon load">${lfm.icon(lfm.icons.download)}</a><button type="button" class="icon delete">${BIN}</button></div>
  <div class="more"><div class="large">${WAVE}<input type="range" min="0" step="0.01" value="0"></div><div class="spectrogram" role="img"></div>
    <p class="axis"><span>0:00</span><span class="end"></span></p><p class="figures"></p></div>`;
const HALF = (letter) => `<div class="half"><button type="button" class="play"></button><b>${letter}</b><span class="small">${WAVE}</span><button type="button" class="choose">Choose ${letter}</button></div>`;
const PAIR = `<div class="question"><div><p class="text">Which sounds better?</p><p class="how">The same speech, decoded two ways. Names appear after you choose.</p></div>
    <button type="button" class="icon delete">${BIN}</button></div>
  <p class="said"></p><div class="halves">${HALF("A")}${HALF("B")}</div><button type="button" class="same">No difference</button>`;
const GROWING = `<div class="line"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><div class="words"><span class="text"></span><span class="how"></span></div><span class="small">${WAVE}</span><span class="length"></span></div>`;

const list = element.querySelector("ul");
const items = new Map();      // id -> <li>
let opened = null;            // the id of the take that is open
let newest = null;

const named = (view) => `take, ${view.text.slice(0, 60)}`;
const absolute = (url) => new URL(url, document.baseURI).href;

// ---- what is shown ----

function show(value) {
  const takes = value?.takes ?? [];
  const growing = value?.growing ? [{ ...value.growing, id: "growing", kind: "growing" }] : [];
  const some = takes.length + growing.length > 0;
  element.querySelector(".empty").hidden = some;
  element.querySelector(".top").hidden = !some;
  lfm.put(element.querySelector(".count"), takes.length ? String(takes.length) : "");
  element.querySelector(".sweep").hidden = !takes.some((take) => take.kept) || takes.every((take) => take.kept);
  lfm.put(element.querySelector(".verdicts"), value?.verdicts ?? "");
  if (takes[0]?.id !== newest) { newest = takes[0]?.id; if (takes[0]?.kind === "take") opened = newest; }
  const views = [...growing, ...takes];
  for (const [id, item] of items) {
    if (views.some((view) => view.id === id)) continue;
    for (const holder of holders(item)) holder.replay.pause();
    const neighbour = item.contains(document.activeElement) && (item.nextElementSibling ?? item.previousElementSibling);
    item.remove();
    items.delete(id);
    (neighbour || null)?.querySelector("button")?.focus();
  }
  views.forEach((view, at) => {
    const item = items.get(view.id) ?? added(view);
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
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
    item.querySelector("input").max = view.seconds;
    audible(item, view, named(view));
    item.querySelector("input").addEventListener("input", ({ target }) => item.replay.seek(Number(target.value)));
    draw(item.querySelector(".small .wave"), view.bars, 36);
    draw(item.querySelector(".large .wave"), view.bars, view.bars.length);
    item.querySelector(".spectrogram").style.setProperty("--picture", `url("${absolute(view.picture)}")`);
  }
  item.querySelectorAll(".half").forEach((half, at) => {
    audible(half, view.halves[at], "AB"[at]);
    half.querySelector(".choose").addEventListener("click", () => trigger("choose", { id: view.id, verdict: "AB"[at] }));
    draw(half.querySelector(".wave"), view.halves[at].bars, 28);
  });
  return item;
}

function patchTake(item, view) {
  const at = (name) => item.querySelector(name);
  const open = opened === view.id;
  lfm.put(at(".text"), view.text);
  lfm.put(at(".how"), view.how);
  lfm.put(at(".length"), lfm.clock(view.seconds));
  lfm.put(at(".end"), lfm.clock(view.seconds));
  lfm.put(at(".figures"), view.figures);
  item.classList.toggle("open", open);
  at(".words").setAttribute("aria-expanded", open);
  at(".more").hidden = !open;
  const name = named(view);
  at(".keep").setAttribute("aria-pressed", view.kept);
  at(".keep").setAttribute("aria-label", `Keep ${name}`);
  at(".keep").title = view.kept ? "Kept" : "Keep";
  at(".load").href = absolute(view.url);
  at(".load").download = view.file;
  at(".load").title = "Download WAV";
  at(".load").setAttribute("aria-label", `Download WAV of ${name}`);
  at(".delete").setAttribute("aria-label", `Delete ${name}`);
  at(".delete").title = "Delete";
  at("input").setAttribute("aria-label", "Position in seconds");
  at(".spectrogram").setAttribute("aria-label", "Spectrogram, 0 to 12 kHz");
}

function patchPair(item, view) {
  lfm.put(item.querySelector(".said"), `“${view.text}” · ${view.how}`);
  item.querySelector(".delete").setAttribute("aria-label", "Delete both");
}

function patchGrowing(item, view) {
  lfm.put(item.querySelector(".text"), view.text);
  lfm.put(item.querySelector(".how"), view.how);
  lfm.put(item.querySelector(".length"), view.bars.length ? view.length : "");
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

// ---- sound ----

const holders = (item) => [item, ...item.querySelectorAll(".half")].filter((each) => each.replay);

// What `view` describes can be played in `holder`, a take or half of a pair, which shows how far it is.
function audible(holder, view, name) {
  const button = holder.querySelector(".play"), position = holder.querySelector("input");
  holder.replay = new lfm.Replay(() => {
    const { seconds, playing } = holder.replay;
    lfm.face(button, playing, name);
    holder.style.setProperty("--heard", `${(100 * seconds) / view.seconds}%`);
    if (position) { position.value = seconds; position.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${view.seconds.toFixed(1)} s`); }
  }, (seconds) => view.bars[Math.floor(seconds / view.seconds * view.bars.length)] ?? 0);
  holder.replay.load(view.url);
  button.addEventListener("click", () => holder.replay.toggle());
}

element.querySelector(".sweep").addEventListener("click", () => trigger("sweep"));
watch("value", () => show(props.value));
show(props.value);
