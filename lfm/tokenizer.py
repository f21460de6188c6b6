"""Text to ids and back; the control tokens by name."""

from pathlib import Path

import tokenizers
from tokenizers.decoders import DecodeStream

from lfm.errors import CheckpointError


class TextStream:
    """Ids one at a time to text: a character is held back until all its bytes are there; control tokens are silent."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)

    def step(self, token: int) -> str:
        """The text that this token completes, often empty."""
        return self._stream.step(self._tokenizer, token) or ""


class Tokenizer:
    """The checkpoint's tokenizer.json.

    Raises:
        CheckpointError: the file is missing or broken, or lacks a control token.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._with_control, self._plain = self._read(), self._read()
        self._plain.encode_special_tokens = True  # what is spelled like a control token is text
        self.startoftext = self._id("<|startoftext|>")
        self.im_start = self._id("<|im_start|>")
        self.im_end = self._id("<|im_end|>")
        self.audio_start = self._id("<|audio_start|>")
        self.text_end = self._id("<|text_end|>")

    def _read(self) -> tokenizers.Tokenizer:
        if not self._path.is_file():
            raise CheckpointError(f"{self._path.parent} has no {self._path.name}. Download the checkpoint again.")
        try:
            return tokenizers.Tokenizer.from_file(str(self._path))
        except Exception as error:  # the library raises nothing narrower
            raise CheckpointError(f"{self._path} cannot be read ({error}). Download it again.") from error

    def _id(self, content: str) -> int:
        token = self._with_control.token_to_id(content)
        if token is None:
            raise CheckpointError(f"{self._path} has no token {content}. Is it the tokenizer of an LFM2-Audio checkpoint?")
        return token

    def encode(self, text: str) -> list[int]:
        """A template's text: `<|im_start|>` and the like become control tokens, and none is added."""
        return self._with_control.encode(text, add_special_tokens=False).ids

    def encode_plain(self, text: str) -> list[int]:
        """A user's text: `<|im_end|>` in it stays eleven characters."""
        return self._plain.encode(text, add_special_tokens=False).ids

    def decode(self, ids: list[int]) -> str:
        """Text without control tokens."""
        return self._with_control.decode(ids, skip_special_tokens=True)

    def stream(self) -> TextStream:
        """A decoder for one reply."""
        return TextStream(self._with_control)
