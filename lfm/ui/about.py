"""The About tab: what runs here, what it does with your voice, and how to call it from code."""

import platform
from html import escape
from importlib.metadata import version
from pathlib import Path

import gradio as gr

from lfm.blas import use_fast_blas
from lfm.catalogue import POCKET, title
from lfm.computer import backend, memory
from lfm.status import Status
from lfm.ui import figures
from lfm.ui.place import Place

CODE = """from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860")
words = client.predict(handle_file("question.wav"), api_name="/transcribe")
wav = client.predict("Good morning.", "US female", api_name="/speak")
text, wav = client.predict("Tell me a story.", api_name="/chat")"""
# The address is the one that the page was opened at.
SCRIPT = """
const code = () => element.querySelector("pre");
const here = () => { if (code()) code().textContent = code().textContent.replace("http://127.0.0.1:7860", location.origin); };
element.addEventListener("click", async ({ target }) => {
  if (!target.matches(".copy")) return;
  try { await navigator.clipboard.writeText(code().textContent); }
  catch { getSelection().selectAllChildren(code()); document.execCommand("copy"); }
  target.textContent = "Copied";
  setTimeout(() => { target.textContent = "Copy"; }, 1600);
});
watch("value", here);
here();
"""
LICENCE = (
    "This program is free under the MIT licence. The published models are LiquidAI's, under the LFM Open License 1.0; read it before "
    "you use them commercially. Mimi, one of the two decoders, is Kyutai's, under CC-BY 4.0."
)
LICENCE_POCKET = " The pocket model was trained for this program and comes under its licence."


def about(status: Status, place: Place) -> gr.HTML:
    return gr.HTML(shown(status, place), elem_id="about", js_on_load=SCRIPT, apply_default_css=False)


def shown(status: Status, place: Place) -> str:
    heading, privacy = place.privacy
    versions = {"This page": "0.1.0", "MLX": version("mlx"), "Gradio": version("gradio"), "Python": platform.python_version()}
    licence = LICENCE + LICENCE_POCKET * POCKET.is_dir()
    return f"""<h2>{heading}</h2>
<p class="lead">{privacy}</p>
<div class="facts">
<section><h3>Running now</h3>{listed(running(status))}</section>
<section><h3>Versions</h3>{listed(versions)}</section>
<section><h3>Licences</h3><p>{licence}</p></section>
</div>
<h3>Use it from code</h3>
<p>The page and these calls share one model, and wait for each other. With a password, add <code>auth=("me", "the password")</code>.</p>
<div class="code"><pre tabindex="0">{escape(CODE)}</pre><button type="button" class="copy">Copy</button></div>"""


def running(status: Status) -> dict[str, str]:
    """What computes, and with which model."""
    model, room = status.model, memory()
    if model is None:
        return {"Model": f"{title(status.wanted) or 'None'}, not loaded yet", "Computer": computer("")}
    of = f" of {room.total / 1e9:.0f} GB" if room else ""
    return {
        "Model": title(model.name),
        "Family": model.family,
        "Precision": model.precision,
        "Size": f"{model.parameters / 1e6:,.0f} million parameters",
        "Memory": f"{figures.amount(model.memory)}{of} for the weights",
        "Decoders": " and ".join(model.decoders),
        "Sound": "24 kHz, mono",
        "Computer": computer(model.device),
    }


def computer(device: str) -> str:
    """`Apple M4, Metal`; on a CPU also the library that multiplies its matrices, which decides how fast it is."""
    where = backend()
    blas = use_fast_blas() if where == "CPU" else None
    names = {"mkl": "MKL", "nvpl": "NVPL", "openblas": "OpenBLAS", "blis": "BLIS"}
    library = next((name for key, name in names.items() if blas and key in Path(blas).name), "MLX's own BLAS")
    return ", ".join(filter(None, [device or platform.machine(), where, library if where == "CPU" else ""]))


def listed(facts: dict[str, str]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<dl>{''.join(rows)}</dl>"
