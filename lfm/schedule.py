"""Is the next thing a word or a frame of sound? Two pure state machines, as the reference's two generation loops."""

from typing import Protocol


class Schedule(Protocol):
    speaking: bool  # the next thing is a frame
    done: bool

    def after_word(self, word: int) -> None: ...
    def after_frame(self, ended: bool) -> None: ...


class Interleaved:
    """n_text words, n_audio frames, and over again; after <|text_end|> only sound is left. For conversation."""

    def __init__(self, n_text: int, n_audio: int, text_end: int, im_end: int) -> None:
        self.n_text, self.n_audio = n_text, n_audio
        self.text_end, self.im_end = text_end, im_end
        self.speaking, self.done, self.text_done = False, False, False
        self.left = n_text

    def after_word(self, word: int) -> None:
        self.left -= 1
        self.done = word == self.im_end
        self.text_done |= word == self.text_end
        if self.left == 0 or self.text_done:
            self.speaking, self.left = True, self.n_audio

    def after_frame(self, ended: bool) -> None:
        self.left -= 1
        if self.left == 0 and not self.text_done:
            self.speaking, self.left = False, self.n_text
        if ended:
            self.speaking = False  # `left` stays as it is: so does the reference (lfm2_audio.py, generate_interleaved)


class Sequential:
    """The model says itself when it speaks: from <|audio_start|> to end-of-audio. For recognition and synthesis."""

    def __init__(self, audio_start: int, im_end: int) -> None:
        self.audio_start, self.im_end = audio_start, im_end
        self.speaking, self.done = False, False

    def after_word(self, word: int) -> None:
        self.speaking = word == self.audio_start
        self.done = word == self.im_end

    def after_frame(self, ended: bool) -> None:
        self.speaking = not ended
