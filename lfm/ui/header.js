// The pill, and the list of models that it opens. The value is a view of the engine, made in header.py; it is patched in
// rather than rendered anew, so that neither the focus nor what is being typed is lost once a second.

const part = (selector) => element.querySelector(selector);
const pill = part(".pill");
const sheet = part("#models");
const rows = new Map();       // name -> <li>
const LABELS = { use: "Use", download: "Download", cancel: "Cancel", again: "Try again", continue: "Continue" };
const ROW = '<div class="what"><p class="title"></p><div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" hidden><i></i></div><p class="note"></p></div><p class="cost"><span class="size"></span><span class="needs"></span></p>';

// ---- what is shown ----

function show(view) {
  if (!view) return;
  pill.dataset.colour = view.pill.colour;
  lfm.put(part(".pill .word"), view.pill.word);
  lfm.put(part(".pill .amount"), view.pill.amount);
  lfm.put(part(".pill .detail"), view.pill.detail);
  pill.setAttribute("aria-label", `Model: ${[view.pill.word, view.pill.amount].filter(Boolean).join(" ")}. ${view.pill.detail}`);
  lfm.put(part(".free"), view.free);
  lfm.put(part(".said"), view.said);
  lfm.put(part(".hint"), view.hint);
  part(".another").hidden = view.fixed;
  const names = view.rows.map((row) => row.name);
  for (const [name, item] of rows) if (!names.includes(name)) { item.remove(); rows.delete(name); }
  view.rows.forEach((row, index) => {
    const item = rows.get(row.name) ?? added(row.name);
    const list = part("ul");
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    patch(item, row);
  });
}

function added(name) {
  const item = document.createElement("li");
  item.innerHTML = ROW;
  rows.set(name, item);
  return item;
}

function patch(item, row) {
  const at = (selector) => item.querySelector(selector);
  lfm.put(at(".title"), row.title);
  lfm.put(at(".note"), row.note);
  lfm.put(at(".size"), row.size);
  lfm.put(at(".needs"), row.needs);
  item.className = `${row.action === "in use" ? "used" : ""} ${row.trouble ? "trouble" : ""}`;
  const progress = at(".progress");
  progress.hidden = row.share === null;
  progress.setAttribute("aria-label", `Download of ${row.title}`);
  progress.setAttribute("aria-valuenow", Math.round(100 * (row.share ?? 0)));
  progress.firstElementChild.style.width = `${100 * (row.share ?? 0)}%`;
  if (item.dataset.action === row.action) return;
  const focused = item.contains(document.activeElement);
  item.querySelector(".action")?.remove();
  item.dataset.action = row.action;
  if (row.action in LABELS) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "action", textContent: LABELS[row.action] });
    button.setAttribute("aria-label", `${LABELS[row.action]} ${row.title}`);
    button.addEventListener("click", () => act(row.action, row.name));
    item.append(button);
    if (focused) button.focus();
  } else {
    item.insertAdjacentHTML("beforeend", `<p class="action">${row.action === "in use" ? lfm.icon(lfm.icons.done) + "In use" : ""}</p>`);
    if (focused) sheet.focus();
  }
}

async function act(what, name) {
  try {
    show(await server.act({ what, name }));
  } catch {
    lfm.put(part(".said"), "The program does not answer. Is it still running?");
  }
}

// ---- open and closed ----

function open() {
  sheet.hidden = part(".scrim").hidden = false;
  pill.setAttribute("aria-expanded", "true");
  sheet.focus({ preventScroll: true });
}

function close(back = true) {
  if (sheet.hidden) return;
  sheet.hidden = part(".scrim").hidden = true;
  pill.setAttribute("aria-expanded", "false");
  if (back) pill.focus();
}

pill.addEventListener("click", () => (sheet.hidden ? open() : close()));
part(".close").addEventListener("click", () => close());
part(".scrim").addEventListener("click", () => close());
part(".another").addEventListener("submit", (event) => {
  event.preventDefault();
  act("another", part("#another-model").value);
});
// Escape closes this before it stops anything else.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || sheet.hidden) return;
  event.stopImmediatePropagation();
  close();
}, true);
document.addEventListener("pointerdown", (event) => { if (!sheet.contains(event.target) && !pill.contains(event.target)) close(false); });
sheet.addEventListener("focusout", (event) => { if (event.relatedTarget && !element.contains(event.relatedTarget)) close(false); });
// A notice may offer the list, or be put away.
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#trouble .choose")) open();
  if (event.target.closest?.("#trouble .close")) event.target.closest(".notice").hidden = true;
});

// The conversation takes what height is left by a notice.
const trouble = document.querySelector("#trouble");
if (trouble) new ResizeObserver(() => document.body.style.setProperty("--trouble", `${trouble.offsetHeight}px`)).observe(trouble);

watch("value", () => show(props.value));
show(props.value);
