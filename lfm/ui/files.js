// The files to be transcribed: each can be played, picked to see its words, and tried again where it was stopped.

const PLAY = '<svg viewBox="0 0 24 24" aria-hidden="true" fill="currentColor"><path d="M8.5 6.2v11.6a.6.6 0 0 0 .92.5l9-5.8a.6.6 0 0 0 0-1l-9-5.8a.6.6 0 0 0-.92.5z"/></svg>';
const PAUSE = '<svg viewBox="0 0 24 24" aria-hidden="true" fill="currentColor"><rect x="7.5" y="6" width="3" height="12" rx="1"/><rect x="13.5" y="6" width="3" height="12" rx="1"/></svg>';
const CHECK = '<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="m5 12.5 4.5 4.5L19 7.5"/></svg>';
const ROW = `<button type="button" class="play"></button>
  <button type="button" class="pick"><span class="name"></span><span class="length"></span></button>
  <div class="status"><span class="state"></span><button type="button" class="again" hidden>Try again</button></div>
  <div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" hidden><i></i></div><p class="trouble" hidden></p>`;

const list = element.querySelector(".files");
const clear = element.querySelector(".clear");
const sound = new Audio();
let playing = null;           // the row whose sound is heard

function show(value) {
  const rows = value?.rows ?? [];
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach((row, at) => patch(list.children[at] ?? added(), row, value.shown));
  clear.hidden = !rows.length || value.running;
}

function added() {
  const item = document.createElement("li");
  item.innerHTML = ROW;
  const on = (name, answer) => item.querySelector(name).addEventListener("click", answer);
  on(".pick", () => trigger("pick", { index: item.row.index }));
  on(".again", () => trigger("again", { index: item.row.index }));
  on(".play", () => toggle(item));
  list.append(item);
  return item;
}

function patch(item, row, shown) {
  const at = (name) => item.querySelector(name);
  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  item.row = row;
  item.className = `${row.kind} ${row.index === shown ? "shown" : ""}`;
  put(at(".name"), row.name);
  put(at(".length"), row.length ?? "");
  if (item.dataset.state !== row.state) {
    item.dataset.state = row.state;
    at(".state").innerHTML = row.kind === "done" ? CHECK : "";
    at(".state").append(row.state);
  }
  at(".pick").setAttribute("aria-pressed", row.index === shown);
  at(".again").hidden = row.kind !== "stopped" && row.kind !== "failed";
  at(".again").setAttribute("aria-label", `Try ${row.name} again`);
  at(".trouble").hidden = !row.trouble;
  put(at(".trouble"), row.trouble ?? "");
  const progress = at(".progress");
  progress.hidden = row.kind !== "transcribing";
  progress.setAttribute("aria-label", `${row.name} transcribed`);
  const known = typeof row.share === "number";
  progress.classList.toggle("open", !known);
  progress.firstElementChild.style.width = known ? `${100 * row.share}%` : "";
  if (known) progress.setAttribute("aria-valuenow", Math.round(100 * row.share));
  else progress.removeAttribute("aria-valuenow");
  at(".play").hidden = !row.url;
  face(item);
}

function face(item) {
  const button = item.querySelector(".play");
  const icon = item === playing ? "pause" : "play";
  if (button.dataset.icon !== icon) { button.dataset.icon = icon; button.innerHTML = icon === "play" ? PLAY : PAUSE; }
  button.setAttribute("aria-label", `${item === playing ? "Pause" : "Play"} ${item.row.name}`);
}

function toggle(item) {
  const before = playing;
  pause();
  if (before === item) return;
  const url = new URL(item.row.url, document.baseURI).href;
  if (sound.src !== url) sound.src = url;
  playing = item;
  sound.play().catch(() => pause());
  face(item);
}

function pause() {
  const before = playing;
  playing = null;
  sound.pause();
  if (before?.row) face(before);
}

sound.addEventListener("ended", () => { sound.currentTime = 0; pause(); });
clear.addEventListener("click", () => { pause(); trigger("clear"); });
document.addEventListener("lfm:hush", pause);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") pause(); });
watch("value", () => show(props.value));
show(props.value);
