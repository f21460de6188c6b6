// What stands above the words: the file's name, how fast it went, and the two ways to take the words along.

const top_ = element.querySelector(".top");
const copy = element.querySelector(".copy");
const save = element.querySelector(".save");
const words = () => document.querySelector("#words textarea")?.value ?? "";

function show(value) {
  const some = Boolean(value?.title);
  element.querySelector(".empty").hidden = some;
  top_.hidden = !some;
  element.querySelector(".top h2").textContent = value?.title ?? "";
  element.querySelector(".figures").textContent = value?.line ?? "";
}

let back;
copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(words());
  } catch {                      // over http there is no clipboard: select, so that the keys can copy
    document.querySelector("#words textarea")?.select();
    document.execCommand("copy");
  }
  copy.textContent = "Copied";
  clearTimeout(back);
  back = setTimeout(() => { copy.textContent = "Copy"; }, 1600);
});

save.addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([words().trim() + "\n"], { type: "text/plain;charset=utf-8" }));
  link.download = props.value.save;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

watch("value", () => show(props.value));
show(props.value);
