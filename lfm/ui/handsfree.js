// The two switches of hands-free. What they do is done by the record button, see microphone.js and script/handsfree.js.

const [hands, interrupt] = element.querySelectorAll("input");
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

interrupt.checked = localStorage.getItem("lfm-interrupt") === "yes";
hands.addEventListener("change", () => tell("lfm:hands-free", hands.checked));
interrupt.addEventListener("change", () => {
  localStorage.setItem("lfm-interrupt", interrupt.checked ? "yes" : "no");
  tell("lfm:interrupt", interrupt.checked);
});
document.addEventListener("lfm:hands-free", ({ detail }) => {
  hands.checked = detail;
  element.querySelector(".interrupt").hidden = !detail;
});
