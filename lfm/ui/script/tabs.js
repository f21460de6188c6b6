// Tabs move with the arrow keys, Home and End, as the roles that Gradio gives them promise.

document.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!step || event.target.role !== "tab") return;
  const tabs = [...event.target.closest("[role=tablist]").querySelectorAll("[role=tab]:not([disabled])")].filter((tab) => tab.checkVisibility());
  const at = Math.abs(step) === 1 ? (tabs.indexOf(event.target) + step + tabs.length) % tabs.length : step < 0 ? 0 : tabs.length - 1;
  event.preventDefault();
  tabs[at].focus();
  tabs[at].click();
});
