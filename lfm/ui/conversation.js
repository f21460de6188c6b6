// The conversation: each turn a question on the right and its answer below. The value is all of it, see Visitor.shown in visitor.py;
// the words of the answer that is being made come by way of the player, with its sound.

const log = element.querySelector(".log");
const empty = element.querySelector(".empty");
const notice = element.querySelector(".notice");
const rows = new Map();                     // turn id -> its element, and the JSON that its two parts were drawn from
let dismissed = "";                         // the notice that was closed
let growing = { run: "", text: "" };        // the answer that is being made

// [tag, class, text or children] as an element.
function node(tag, name, ...content) {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...content.filter(Boolean));
  return made;
}

function strip(sound, what) {
  const made = document.createElement("sound-strip");
  for (const [name, value] of Object.entries({ ...sound, what })) made.setAttribute(name, value);
  return made;
}

function action(icon, words, act) {
  const made = node("button", "tool");
  made.type = "button";
  made.title = words;
  made.innerHTML = lfm.icon(lfm.icons[icon]);
  made.setAttribute("aria-label", words);
  made.addEventListener("click", () => act(made));
  return made;
}

function copied(button) {
  button.innerHTML = lfm.icon(lfm.icons.done);
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => { button.innerHTML = lfm.icon(lfm.icons.copy); button.setAttribute("aria-label", "Copy this answer"); }, 1500);
}

// ---- drawing ----

function question({ words, text, sound }, number) {
  return node("div", "question", node("span", "unseen", "You: "),
    words && node("p", "heard", node("span", "", "Heard"), ` ${words}`),
    text && node("p", "", text),
    sound && strip(sound, `question ${number}`));
}

function answer(one, number) {
  const made = node("div", "answer", node("span", "unseen", "Answer: "), node("p", "text", one?.text ?? ""));
  if (!one) {
    made.setAttribute("aria-busy", "true");     // so that it is read aloud once, when it is complete
    made.append(node("span", "dots", node("i", ""), node("i", ""), node("i", "")));
    return made;
  }
  const tools = node("div", "tools", one.sound && strip(one.sound, `answer ${number}`));
  if (one.text) tools.append(action("copy", "Copy this answer", (button) => lfm.copy(one.text).then(() => copied(button))));
  tools.append(action("retry", "Ask again", () => trigger("retry")));
  if (one.note) tools.append(node("span", "note", one.note));
  made.append(tools);
  return made;
}

// Draws only what has changed, so that a sound that is played again is left alone.
function drawTurn(one, number) {
  if (!rows.has(one.id)) {
    const made = node("section", "turn", node("p", "divider"), node("div", ""), node("div", ""));
    rows.set(one.id, { made, drawn: [] });
    log.append(made);
  }
  const { made, drawn } = rows.get(one.id);
  made.children[0].textContent = one.divider;
  [question(one.question, number), answer(one.answer, number)].forEach((part, i) => {
    const data = JSON.stringify([one.question, one.answer][i]);
    if (drawn[i] !== data) made.children[i + 1].replaceWith(part);
    drawn[i] = data;
  });
}

// What can be said first, by model.
function drawStarters({ note = "", chips = [] } = {}) {
  empty.querySelector(".knows").textContent = note;
  const row = empty.querySelector(".examples");
  if (row.textContent === chips.map(([label]) => label).join("")) return;
  row.replaceChildren(...chips.map(([label, text]) => {
    const chip = node("button", "chip", label);
    chip.type = "button";
    chip.addEventListener("click", () => trigger("ask", { text }));
    return chip;
  }));
}

function draw() {
  const { turns = [], notice: said, starters } = props.value ?? {};
  const atFoot = nearFoot(), grown = turns.length > rows.size;
  for (const [id, { made }] of rows) if (!turns.some((one) => one.id === id)) { made.remove(); rows.delete(id); }
  turns.forEach((one, i) => drawTurn(one, i + 1));
  drawStarters(starters);
  empty.hidden = turns.length > 0;
  log.hidden = turns.length === 0;
  notice.hidden = !said || JSON.stringify(said) === dismissed;
  if (!said) dismissed = "";
  else {
    notice.querySelector("strong").textContent = said.title;
    notice.querySelector("p").textContent = said.remedy;
    notice.querySelector(".again").textContent = said.action;
    notice.querySelector(".again").hidden = !said.action;
  }
  grow();
  if (atFoot || grown) toFoot();
}

function grow() {
  const row = rows.get(growing.run)?.made, reply = row?.querySelector("[aria-busy]");
  if (reply) reply.querySelector(".text").textContent = growing.text.trimStart();
}

const nearFoot = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
function toFoot() { log.scrollTop = log.scrollHeight; }

// ---- wiring ----

watch("value", draw);
document.addEventListener("lfm:text", ({ detail: { run, text } }) => {
  const atFoot = nearFoot();
  growing = { run, text: growing.run === run ? growing.text + text : text };
  grow();
  if (atFoot) toFoot();
});
const dismiss = () => { notice.hidden = true; dismissed = JSON.stringify(props.value.notice); };
notice.querySelector(".close").addEventListener("click", dismiss);
notice.querySelector(".again").addEventListener("click", () => { dismiss(); trigger("shorten"); });
new ResizeObserver(toFoot).observe(log);

// Gradio's message box has a label that is not tied to its field.
const naming = setInterval(() => {
  const box = document.querySelector("#box textarea");
  if (!box) return;
  box.setAttribute("aria-label", "Message");
  clearInterval(naming);
}, 50);
draw();
