"""What was said, in order: words, clips that were heard, frames that were spoken. Plain data; the model is not needed here.

The reference keeps parallel tensors and a row of modality flags; one ordered list says the same and cannot disagree with itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from lfm.mel import positions
from lfm.tokenizer import Tokenizer


@dataclass(frozen=True)
class Text:
    """Token ids."""

    ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Heard:
    """One clip, encoded alone: mel (T, features)."""

    mel: np.ndarray

    def __len__(self) -> int:
        return positions(len(self.mel))


@dataclass(frozen=True)
class Spoken:
    """Frames of codes, (n, codebooks), the last of a stretch being end-of-audio."""

    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)


Segment = Text | Heard | Spoken  # len() is the number of positions it takes in the model


class Conversation:
    """Turns in the published chat format."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.segments: list[Segment] = [Text((tokenizer.startoftext,))]

    def __len__(self) -> int:
        """Positions in the model."""
        return sum(len(segment) for segment in self.segments)

    def _template(self, text: str) -> None:
        self.segments.append(Text(tuple(self.tokenizer.encode(text))))

    def open(self, role: str) -> None:
        """Begin a turn of the system, the user or the assistant."""
        self._template(f"<|im_start|>{role}\n")

    def close(self) -> None:
        """End a turn; an <|im_end|> that the model said itself is not repeated."""
        last = self.segments[-1]
        said = isinstance(last, Text) and last.ids[-1] == self.tokenizer.im_end
        self._template("\n" if said else "<|im_end|>\n")

    def say(self, text: str) -> None:
        """Add a user's words: control tokens spelled out in them stay words."""
        if text:
            self.segments.append(Text(tuple(self.tokenizer.encode_plain(text))))

    def hear(self, mel: np.ndarray) -> None:
        """Add one clip."""
        self.segments.append(Heard(mel))

    def word(self, token: int) -> None:
        """Add a word that the model said."""
        self.segments.append(Text((token,)))

    def frame(self, codes: np.ndarray) -> None:
        """Add a frame that the model spoke, (codebooks,)."""
        self.segments.append(Spoken(codes[None]))

    def turn(self, role: str, text: str) -> None:
        """A whole turn of text."""
        self.open(role)
        self.say(text)
        self.close()


def joined(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Neighbouring words as one segment, neighbouring frames as one; clips stay apart."""
    for kind, group in groupby(segments, key=type):
        if kind is Text:
            yield Text(tuple(i for text in group for i in text.ids))  # type: ignore[union-attr]
        elif kind is Spoken:
            yield Spoken(np.concatenate([spoken.codes for spoken in group]))  # type: ignore[union-attr]
        else:
            yield from group
