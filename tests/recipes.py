"""What each recipe of `python -m lfm quantize` costs and saves: python tests/recipes.py FOLDER

FOLDER is a checkpoint with golden.safetensors and golden.json beside it, as for tests/parity.py. Everything is computed from the packed
weights in float32 and compared with the weights as published, on the golden conversation: the heads' logits, the greedy tokens of both
schedules, and the sound of the frame's likeliest codes. To random weights all codes
are nearly as likely, so that there tokens and sound part at once, whatever the bits.
"""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lfm import checkpoint  # isort: skip  # it loads a fast BLAS, which must come before mlx

import mlx.core as mx
import numpy as np

from lfm.checkpoint import LoadedModel
from lfm.generate import embed
from lfm.quantize import RECIPES, quantize
from lfm.schedule import Interleaved, Sequential
from tests.parity import conversation, tokens


def answers(loaded: LoadedModel, golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The logits of both heads at the conversation's end, each code behind the golden ones, so that both hear the same; and their sound."""
    hidden = loaded.model(embed(loaded.model, conversation(golden)))[0, -1]
    codes = iter(mx.array(golden["frame_codes"]))
    _, frame = loaded.model.frame_and_logits(hidden, lambda logits: next(codes))
    likeliest = mx.minimum(mx.argmax(frame, axis=-1), 2047)  # the code after those ends the sound, and has none
    sound = loaded.decoder().decode(likeliest[None, None])[0]
    return {"text": np.array(loaded.model.text_logits(hidden)), "frame": np.array(frame), "sound": np.array(sound)}


def said(loaded: LoadedModel, golden: dict[str, np.ndarray], n: int) -> list[list[int]]:
    config, names = loaded.config, loaded.tokenizer
    schedules = (
        Sequential(names.audio_start, names.im_end),
        Interleaved(config.interleaved_n_text, config.interleaved_n_audio, names.text_end, names.im_end),
    )
    return [token for schedule in schedules for token in tokens(loaded, conversation(golden), schedule, n)]


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square of the difference over that of the value."""
    return float(np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2)))


def main(folder: Path) -> int:
    arrays = mx.load(str(folder / "golden.safetensors"))
    assert isinstance(arrays, dict)
    golden = {key: np.array(value) for key, value in arrays.items()}
    n = json.loads((folder / "golden.json").read_text()).get("max_new_tokens", 60)
    whole = checkpoint.load(folder, "float32")
    wanted, spoken = answers(whole, golden), said(whole, golden, n)
    size = (folder / "model.safetensors").stat().st_size
    print(f"{'recipe':8} {'size':>6} {'text logits':>12} {'frame logits':>13} {'sound':>8} {'same tokens':>12}")
    print(f"{'as is':8} {100:5.0f}% {0:12.4f} {0:13.4f} {0:8.4f} {100:11.0f}%")
    for recipe in RECIPES:
        with tempfile.TemporaryDirectory() as temporary:
            target = quantize(folder, Path(temporary), recipe)
            loaded = checkpoint.load(target, "float32")
            share = (target / "model.safetensors").stat().st_size / size
        found, now = answers(loaded, golden), said(loaded, golden, n)
        same = sum(a == b for a, b in zip(now, spoken, strict=False)) / len(spoken)
        text, frame, sound = (error(found[name], wanted[name]) for name in ("text", "frame", "sound"))
        print(f"{recipe:8} {100 * share:5.0f}% {text:12.4f} {frame:13.4f} {sound:8.4f} {100 * same:11.0f}%")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
