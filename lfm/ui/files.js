// The files to be transcribed: each can be played, picked to see its words, and tried again where it was stopped.

const ROW = `<button type="button" class="play"></button>
  <button type="button" class="pick"><span class="name"></span><span class="length"></span></button>
  <div class="status"><span class="state"></span><button type="button" class="again" hidden>Try again</button></div>
  <div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" hidden><i></i></div><p class="trouble" hidden></p>`;

const list = element.querySelector(".files");
const clear = element.querySelector(".clear");

function show(value) {
  const rows = value?.rows ?? [];
  while (list.children.length > rows.length) { list.lastChild.replay.pause(); list.lastChild.remove(); }
  rows.forEach((row, at) => patch(list.children[at] ?? added(), row, value.shown));
  clear.hidden = !rows.length || value.running;
}

function added() {
  const item = document.createElement("li");
  item.innerHTML = ROW;
  const on = (name, answer) => item.querySelector(name).addEventListener("click", answer);
  on(".pick", () => trigger("pick", { index: item.row.index }));
  on(".again", () => trigger("again", { index: item.row.index }));
  on(".play", () => { item.replay.load(item.row.url); item.replay.toggle(); });
  item.replay = new lfm.Replay(() => face(item));
  list.append(item);
  return item;
}

function patch(item, row, shown) {
  const at = (name) => item.querySelector(name);
  item.row = row;
  item.className = `${row.kind} ${row.index === shown ? "shown" : ""}`;
  lfm.put(at(".name"), row.name);
  lfm.put(at(".length"), row.length ?? "");
  if (item.dataset.state !== row.state) {
    item.dataset.state = row.state;
    at(".state").innerHTML = row.kind === "done" ? lfm.icon(lfm.icons.done) : "";
    at(".state").append(row.state);
  }
  at(".pick").setAttribute("aria-pressed", row.index === shown);
  at(".again").hidden = row.kind !== "stopped" && row.kind !== "failed";
  at(".again").setAttribute("aria-label", `Try ${row.name} again`);
  at(".trouble").hidden = !row.trouble;
  lfm.put(at(".trouble"), row.trouble ?? "");
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

function face(item) { lfm.face(item.querySelector(".play"), item.replay.playing, item.row.name); }

clear.addEventListener("click", () => trigger("clear"));
watch("value", () => show(props.value));
show(props.value);
