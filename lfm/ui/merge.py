"""Events in, fewer events out: each message to the browser costs about 15 ms, so sound and text are sent in pieces.

The first pieces of sound are single frames, so that it starts at once. Later ones may be as long as a third of what was sent
before: the player has that much in hand while it waits, so pieces that grow do not make it run dry. No sample and no letter is lost.
"""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from lfm.events import AudioChunk, Done, Event, OtherDecoding, Progress, TextDelta

FRAME = 0.08  # seconds: one audio frame of the model, 12.5 Hz
LONGEST = 0.32  # seconds of one piece
TEXT_EVERY = 0.06  # seconds between two pieces of text, so that fast text does not crowd out the sound


def merged(events: Iterable[Event], clock: Callable[[], float] = time.monotonic) -> Iterator[Event]:
    """The same events, with neighbouring sound and neighbouring text merged."""
    text = Text(clock)
    sound = Sound()
    for event in events:
        match event:
            case TextDelta():
                yield from text.add(event)
            case AudioChunk():
                yield from text.flush()
                yield from sound.add(event)
            case Progress() | OtherDecoding() | Done():
                yield from text.flush()
                yield from sound.flush()
                yield event
    yield from text.flush()
    yield from sound.flush()


class Text:
    """Text that waits to be sent."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting = ""
        self._sent_at = -TEXT_EVERY

    def add(self, delta: TextDelta) -> Iterator[TextDelta]:
        self._waiting += delta.text
        if self._clock() - self._sent_at >= TEXT_EVERY:
            yield from self.flush()

    def flush(self) -> Iterator[TextDelta]:
        if self._waiting:
            self._sent_at = self._clock()
            delta, self._waiting = TextDelta(self._waiting), ""
            yield delta


class Sound:
    """Sound that waits to be sent."""

    def __init__(self) -> None:
        self._waiting: list[np.ndarray] = []
        self._rate = 1
        self._sent = 0.0  # seconds

    def add(self, chunk: AudioChunk) -> Iterator[AudioChunk]:
        if chunk.sample_rate != self._rate:
            yield from self.flush()
            self._rate = chunk.sample_rate
        self._waiting.append(chunk.pcm)
        # Half a frame less than the rule asks for: a decoder's first chunk may be shorter than a frame.
        if self._seconds >= min(LONGEST, max(FRAME, self._sent / 3)) - FRAME / 2:
            yield from self.flush()

    def flush(self) -> Iterator[AudioChunk]:
        if self._waiting:
            self._sent += self._seconds
            chunk, self._waiting = AudioChunk(np.concatenate(self._waiting), self._rate), []
            yield chunk

    @property
    def _seconds(self) -> float:
        return sum(map(len, self._waiting)) / self._rate
