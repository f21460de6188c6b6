"""The About tab: what runs here, what it does with your voice, and how to call it from code."""

import platform
from html import escape
from importlib.metadata import version

from lfm.status import Status
from lfm.ui import figures

CODE = """from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860")
words = client.predict(handle_file("question.wav"), api_name="/transcribe")
wav = client.predict("Good morning.", "US female", api_name="/speak")
text, wav = client.predict("Tell me a story.", api_name="/chat")"""


def about(status: Status) -> str:
    model = status.model
    facts = {
        "Model": model.name,
        "Family": model.family,
        "Precision": model.precision,
        "Size": f"{model.parameters / 1e6:,.0f} million parameters",
        "Memory": figures.amount(model.memory),
        "Decoders": ", ".join(model.decoders),
        "Sound": "24 kHz, mono",
    } if model else {"Model": f"{status.wanted or 'None'}, not loaded yet"}  # fmt: skip
    versions = {"MLX": version("mlx"), "Gradio": version("gradio"), "Python": platform.python_version()}
    return f"""<div class="about">
<h2>Nothing leaves this computer</h2>
<p class="lead">Your voice, your files and the conversation are processed here. The page makes no request to any other machine.</p>
<div class="facts">
<section><h3>Running now</h3>{listed(facts)}</section>
<section><h3>Versions</h3>{listed(versions)}</section>
<section><h3>Licence</h3><p>The weights of LFM2-Audio and LFM2.5-Audio come under the LFM Open License 1.0.</p></section>
</div>
<h3>Use it from code</h3>
<p>The page and this interface share one model, and wait for each other.</p>
<pre tabindex="0" aria-label="Code">{escape(CODE)}</pre>
</div>"""


def listed(facts: dict[str, str]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<dl>{''.join(rows)}</dl>"
