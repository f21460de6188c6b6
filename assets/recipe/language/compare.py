"""The engine's numbers against PyTorch's: logits of every word and every code of a sequence of each task, teacher-forced."""

from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np
import torch
from torch import Tensor

from language.data import Mix, Sampler
from language.model import LanguageModel
from language.sequences import END, ENDED, Sequence
from language.store import Store
from lfm import checkpoint
from lfm.conversation import Heard, Segment, Spoken, Text
from lfm.generate import embed
from lfm.mel import log_mel
from lfm.model.lfm_audio import LfmAudio
from lfm2 import Past

STEPS = 8


@dataclass
class Difference:
    worst: float = 0.0  # between logits
    same: int = 0  # greedy tokens that agree
    count: int = 0

    def add(self, ours: np.ndarray, theirs: np.ndarray) -> None:
        """(N, vocabulary) twice."""
        self.worst = max(self.worst, float(np.abs(ours - theirs).max()))
        self.same += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
        self.count += len(ours)


def compare(model: LanguageModel, folder: Path, pack: Path) -> Difference:
    """A checkpoint folder, run by the engine, and a model of the same weights."""
    loaded = checkpoint.load(folder, "float32")
    sampler = Sampler(Store(pack), "train", Mix(), seed=3, vary=False)
    found = Difference()
    for task in ("speak", "transcribe", "chat"):
        sampler.mix = Mix.only(task)
        for _ in range(2):
            one(found, model, loaded, sampler, sampler())
    return found


def one(found: Difference, model: LanguageModel, loaded: checkpoint.LoadedModel, sampler: Sampler, sequence: Sequence) -> None:
    """One sequence, through both."""
    store, engine = sampler.store, loaded.model
    codes = np.vstack([store.codes, ENDED]).astype(np.int64)
    parts: list[tuple[int, Segment]] = [(first, Text(tuple(map(int, ids)))) for first, ids, _ in sequence.text]
    parts += [(first, Spoken(codes[rows])) for first, rows in sequence.spoken]
    for first, clip in sequence.heard:
        wave = np.zeros(clip.total, np.float32)
        wave[: clip.length] = store.samples[clip.start : clip.start + clip.length] / 32768
        parts.append((first, Heard(log_mel(wave, loaded.config.mel))))
    segments = [segment for _, segment in sorted(parts, key=lambda p: p[0])]
    theirs = engine(embed(engine, segments))[0]

    pieces = []
    with torch.no_grad():
        for segment in segments:
            match segment:
                case Text(ids):
                    pieces.append(model.lfm.embed_tokens(torch.tensor(ids)))
                case Spoken(rows):
                    pieces.append(model.spoken(torch.from_numpy(rows)))
                case Heard(mel):
                    pieces.append(model.heard(torch.from_numpy(mel)[None], torch.tensor([len(mel)]))[1][0])
        ours = model.lfm(torch.cat(pieces)[None])[0]
        assert torch.allclose(in_steps(model, torch.cat(pieces)), ours, atol=1e-4), "what is said in steps is another thing"
        for first, ids, said in sequence.text:
            if said:
                places = np.arange(first, first + len(ids)) - 1
                found.add(model.words(ours[places]).numpy(), np.array(engine.text_logits(theirs[mx.array(places)])))
        for first, rows in sequence.spoken:
            right = codes[np.where(rows == END, len(codes) - 1, rows)]
            places = np.arange(first, first + len(rows)) - 1
            for i, logits in enumerate(zip(*model.frames(ours[places], torch.from_numpy(right)), strict=True)):
                found.add(torch.stack(logits).numpy(), forced(engine, theirs[int(places[i])], right[i]))


def in_steps(model: LanguageModel, x: Tensor) -> Tensor:
    """The backbone's states (n, hidden) of inputs (n, hidden), the last ones fed one at a time, as `language.saying` does."""
    past: list[Past] = [{} for _ in model.lfm.layers]
    parts = [x[:-STEPS], *x[-STEPS:].split(1)]
    return torch.cat([model.lfm(part[None], past)[0] for part in parts])


def forced(engine: LfmAudio, hidden: mx.array, codes: np.ndarray) -> np.ndarray:
    """The engine's logits (8, 2049) of a frame whose codes are given."""
    given = iter(codes.tolist())
    _, logits = engine.frame_and_logits(hidden, lambda _: mx.array(next(given)))
    return np.array(logits)
