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
  await lfm.copy(words());
  copy.textContent = "Copied";
  clearTimeout(back);
  back = setTimeout(() => { copy.textContent = "Copy"; }, 1600);
});

save.addEventListener("click", () => {
  const url = URL.createObjectURL(new Blob([words().trim() + "\n"], { type: "text/plain;charset=utf-8" }));
  lfm.download(url, props.value.save);
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});

watch("value", () => show(props.value));
show(props.value);
