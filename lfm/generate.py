"""From segments to tokens: embed, prefill, and the one loop that says words and speaks frames. Runs on the MLX thread."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

import mlx.core as mx
import numpy as np

from lfm.config import END_OF_AUDIO
from lfm.conversation import Heard, Segment, Spoken, Text, joined
from lfm.model.formulas import on_cpu
from lfm.model.lfm_audio import LfmAudio
from lfm.model.state import State
from lfm.options import Options, Sampling
from lfm.sampling import Draws, draw
from lfm.schedule import Schedule

PREFILL_CHUNK = 512  # positions between two looks at the Stop button

Stopped = Callable[[], bool]
Render = Callable[[mx.array], mx.array | None]  # codes (codebooks,) -> sound (n,) of all that waits, or None: it waits too
FrameStep = Callable[[mx.array, mx.array, mx.array], mx.array]  # hidden (hidden,), keys (codebooks, 2), temperature () -> codes


@dataclass(frozen=True)
class Word:
    """A text token."""

    id: int


@dataclass(frozen=True)
class Frame:
    """80 ms of speech: codes (codebooks,), and what sound came with it, (n,) float32: several frames' at once, where any."""

    codes: np.ndarray
    sound: np.ndarray | None = None

    @property
    def ended(self) -> bool:
        """End-of-audio: a frame without sound."""
        return int(self.codes[0]) == END_OF_AUDIO


Token = Word | Frame


def rows(model: LfmAudio, segments: Iterable[Segment]) -> Iterator[mx.array]:
    """The embeddings of each stretch of segments, (1, n, hidden), one row a position."""
    for segment in joined(segments):
        match segment:
            case Text(ids):
                row = model.embed_text(mx.array(ids))
            case Heard(mel):
                row = model.embed_heard(mx.array(mel))
            case Spoken(codes):
                row = model.embed_spoken(mx.array(codes))
            case _:
                assert_never(segment)
        if row.shape[1] != len(segment):
            raise AssertionError(f"{type(segment).__name__} takes {len(segment)} positions, its embedding has {row.shape[1]}")
        yield row


def embed(model: LfmAudio, segments: Iterable[Segment]) -> mx.array:
    """Segments -> (1, n, hidden)."""
    return mx.concatenate(list(rows(model, segments)), axis=1)


class TokenGenerator:
    """One model's loop; it keeps the compiled steps."""

    def __init__(self, model: LfmAudio) -> None:
        self.model = model
        self._frame_steps: dict[Sampling, FrameStep] = {}

    def prefill(self, segments: Iterable[Segment], state: State, stopped: Stopped = lambda: False) -> mx.array | None:
        """Feed segments; the hidden state of the last position, (hidden,), or None when stopped on the way.

        It looks whether to stop after each clip that was encoded and after each chunk that was fed.
        """
        ready, hidden = [], None
        for row in rows(self.model, segments):
            mx.eval(row)
            ready.append(row)
            if stopped():
                return None
        embeddings = mx.concatenate(ready, axis=1)
        for start in range(0, embeddings.shape[1], PREFILL_CHUNK):
            hidden = self.model(embeddings[:, start : start + PREFILL_CHUNK], state)[0, -1]
            mx.eval(hidden, state.arrays())
            if stopped():
                return None
        return hidden

    def generate(self, hidden: mx.array, state: State, schedule: Schedule, options: Options, render: Render | None) -> Iterator[Token]:
        """Words and frames until the schedule is done or options.max_tokens are out.

        Each token that is yielded is fed to `state`, the last one, <|im_end|>, too: stopping anywhere leaves both in agreement. A GPU feeds
        it while the caller has it. A CPU feeds it when the caller comes back or closes the generator, for it does one thing at a time, and
        what is to be said would come a step late.

        Args:
            hidden: (hidden,) of the last prompt position.
            render: makes the frames' sound; it sees the end-of-audio frame as well, whose sound nobody hears.
        """
        model, frame_step = self.model, self.frame_step(options.audio)
        temperature = mx.array(options.audio.temperature)
        key = mx.random.key(secrets.randbits(32) if options.seed is None else options.seed)
        for _ in range(options.max_tokens):
            key, now = mx.random.split(key)
            if schedule.speaking:
                codes = frame_step(hidden, mx.random.split(now, model.codebooks), temperature)
                sound = None if render is None else render(codes)
                made = [codes] if sound is None else [codes, sound]
                embedding = model.embed_spoken(codes[None])
            else:
                made = [draw(model.text_logits(hidden), options.text, now)]
                embedding = model.embed_text(made[0][None])
            mx.async_eval(*made)
            ahead = None if on_cpu() else self._step(embedding, state)
            token = Frame(*map(np.array, made)) if schedule.speaking else Word(int(np.array(made[0])))
            try:
                yield token
            finally:  # even if nobody asks for more
                hidden = self._step(embedding, state) if ahead is None else ahead
            if isinstance(token, Frame):
                schedule.after_frame(token.ended)
            else:
                schedule.after_word(token.id)
            if schedule.done:
                return

    def _step(self, embedding: mx.array, state: State) -> mx.array:
        """Feed one position, (1, 1, hidden) -> (hidden,); on a GPU it returns before that is computed."""
        hidden = self.model(embedding, state)[0, -1]
        if not on_cpu():
            mx.async_eval(hidden)
        return hidden

    def frame_step(self, sampling: Sampling) -> FrameStep:
        """One frame, as one compiled graph where that can be; whatever the temperature is."""
        kind = sampling if sampling.greedy else replace(sampling, temperature=1.0)
        if kind not in self._frame_steps:

            def frame_step(hidden: mx.array, keys: mx.array, temperature: mx.array) -> mx.array:
                return self.model.audio_frame(hidden, Draws(kind, keys, temperature))

            self._frame_steps[kind] = mx.compile(frame_step) if self.model.depthformer.traceable else frame_step
        return self._frame_steps[kind]
