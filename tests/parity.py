"""Compare every number with the reference's: python tests/parity.py FOLDER

FOLDER is a checkpoint with golden.safetensors and golden.json beside it (see tests/golden/cut.py). Prints each golden's
error beside its tolerance; exits 1 when one is past it. Runs in float32.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lfm import checkpoint  # isort: skip  # it loads a fast BLAS, which must come before mlx

import mlx.core as mx
import numpy as np

from lfm.checkpoint import LoadedModel
from lfm.conversation import Heard, Segment, Spoken, Text
from lfm.generate import TokenGenerator, Word, embed
from lfm.mel import log_mel
from lfm.model.mimi import Mimi
from lfm.model.state import State
from lfm.options import GREEDY, Options
from lfm.schedule import Interleaved, Schedule, Sequential

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Row:
    """One golden: how far we are from it, and how far is allowed (0: equal)."""

    name: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance  # NaN is past any tolerance


def floats(name: str, ours: mx.array | np.ndarray, golden: np.ndarray) -> Row:
    """Largest difference over the largest value."""
    ours = np.array(ours, np.float64)
    if ours.shape != golden.shape:
        return Row(f"{name}: shape {ours.shape} for {golden.shape}", float("inf"), TOLERANCE)
    return Row(name, float(np.abs(ours - golden).max() / np.abs(golden).max()), TOLERANCE)


def equal(name: str, ours: list | mx.array | np.ndarray, golden: list | np.ndarray) -> Row:
    """The share of items that differ; 1 where the shapes do."""
    ours, golden = np.array(ours, dtype=object), np.array(golden, dtype=object)
    return Row(name, float((ours != golden).mean()) if ours.shape == golden.shape else 1.0, 0.0)


def conversation(golden: dict[str, np.ndarray]) -> list[Segment]:
    """The reference's parallel tensors and modality flags as segments."""
    words, frames = iter(golden["chat_text"][0]), iter(golden["chat_audio_out"].T)
    mels = [golden[key].T for key in sorted(golden) if key.startswith("mel_")]
    lengths = iter(golden["chat_audio_in_lens"])
    flags, segments, at = golden["chat_modality_flag"][0], [], 0
    while at < len(flags):
        match flags[at]:
            case 1:
                segment: Segment = Text((int(next(words)),))
            case 2:
                length = next(lengths)
                mel = next(mel for mel in mels if len(mel) == length)
                mels = [other for other in mels if other is not mel] + [mel]
                segment = Heard(mel)
            case 3:
                segment = Spoken(next(frames)[None])
            case flag:
                raise ValueError(f"modality flag {flag}")
        segments.append(segment)
        at += len(segment)
    assert at == len(flags)
    return segments


def tokens(loaded: LoadedModel, segments: list[Segment], schedule: Schedule, max_tokens: int) -> list[list[int]]:
    """All that is yielded, greedily: one number a word, eight a frame. A closing <|im_end|> is left out."""
    generator, state = TokenGenerator(loaded.model), State()
    hidden = generator.prefill(segments, state)
    assert hidden is not None
    options = Options(audio=GREEDY, max_tokens=max_tokens)
    said = generator.generate(hidden, state, schedule, options, None)
    listed = [[token.id] if isinstance(token, Word) else token.codes.tolist() for token in said]
    return without_end(listed, loaded.tokenizer.im_end)


def without_end(listed: list[list[int]], im_end: int) -> list[list[int]]:
    return listed[:-1] if listed and listed[-1] == [im_end] else listed


def rows(folder: Path, as_stored: bool | None = None) -> Iterator[Row]:
    """Every golden of a folder; `as_stored`: of what a processor does with a large model, or not, whatever its size."""
    loaded = checkpoint.load(folder, "float32", as_stored=as_stored)
    model, config, names = loaded.model, loaded.config, loaded.tokenizer
    arrays = mx.load(str(folder / "golden.safetensors"))
    assert isinstance(arrays, dict)
    golden = {key: np.array(value) for key, value in arrays.items()}
    listed = json.loads((folder / "golden.json").read_text())

    for clip in sorted(key.split("_")[1] for key in golden if key.startswith("mel_")):
        yield floats(f"mel {clip}", log_mel(golden[f"wav_{clip}_16k"], config.mel).T, golden[f"mel_{clip}"])
        encoded = model.conformer(mx.array(golden[f"mel_{clip}"].T)[None])
        yield floats(f"encoder {clip}", encoded[0], golden[f"encoder_{clip}"])
        yield floats(f"adapter {clip}", model.audio_adapter(encoded)[0], golden[f"adapter_{clip}"])

    segments = conversation(golden)
    embeddings = embed(model, segments)
    yield floats("prefill embeddings", embeddings, golden["prefill_embeddings"])
    hidden = model(embeddings)
    yield floats("prefill hidden", hidden, golden["prefill_hidden"])
    yield floats("text logits", model.text_logits(hidden[0, -1]), golden["text_logits"])
    codes, logits = model.frame_and_logits(hidden[0, -1], mx.argmax)
    yield equal("frame codes", codes, golden["frame_codes"])
    yield floats("frame logits", logits, golden["frame_logits"])

    schedules: dict[str, Schedule] = {
        "sequential": Sequential(names.audio_start, names.im_end),
        "interleaved": Interleaved(config.interleaved_n_text, config.interleaved_n_audio, names.text_end, names.im_end),
    }
    for name, schedule in schedules.items():
        want = listed[f"generate_{name}_greedy"]
        ours = tokens(loaded, segments, schedule, listed.get("max_new_tokens", 60))
        yield equal(f"{name}, {len(want)} tokens", [str(t) for t in ours], [str(t) for t in without_end(want, names.im_end)])

    codec = mx.array(golden["codec_codes"]).transpose(0, 2, 1)
    if isinstance(mimi := loaded.decoders.get("Mimi"), Mimi):
        yield floats("Mimi decoded", mimi.decode(codec), golden["mimi_decoded"])
        yield equal("Mimi encoded", mimi.encode(mx.array(golden["wav_24k"])[None])[0].T, golden["mimi_encoded"])
    if "Detokenizer" in loaded.decoders:
        yield floats("detokenized", loaded.decoders["Detokenizer"].decode(codec)[0], golden["detokenized"])


def main(folder: Path) -> int:
    failed = 0
    for row in rows(folder):
        failed += not row.passed
        print(f"{row.name:24} {row.error:9.2e}  tolerance {row.tolerance:7.0e}  {'ok' if row.passed else 'FAILED'}")
    print(f"{failed} past their tolerance" if failed else "all within their tolerance")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
