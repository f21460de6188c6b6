"""What a caller may choose for one request, and the published defaults of each task."""

from dataclasses import dataclass, field
from typing import Literal

DecoderName = Literal["Detokenizer", "Mimi"]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How one token is drawn from its logits."""

    temperature: float = 0.0  # 0 or less: the likeliest
    top_k: int = 0  # keep the k likeliest and their ties; 0 keeps all, 1 is greedy
    top_p: float = 1.0  # keep the likeliest that together hold this share
    min_p: float = 0.0  # keep what has at least this share of the likeliest one's probability

    @property
    def greedy(self) -> bool:
        return self.temperature <= 0 or self.top_k == 1


GREEDY = Sampling()
CHAT_AUDIO = Sampling(temperature=1.0, top_k=4)
SPEAK_AUDIO = Sampling(temperature=0.8, top_k=64)


@dataclass(frozen=True, kw_only=True)
class Options:
    """One request. `seed` None draws a fresh one; the same seed repeats a result."""

    text: Sampling = GREEDY
    audio: Sampling = field(default=CHAT_AUDIO)
    max_tokens: int = 1024  # text tokens and audio frames together
    seed: int | None = None
    decoder: DecoderName | None = None  # None: the checkpoint's own, the detokenizer where there is one
    compare: DecoderName | None = None  # speak: let this one decode the same frames too
    with_audio: bool = True  # chat: False answers in text alone
    beams: int | None = None  # transcribe: texts that go on side by side; None: as many as the checkpoint asks for


CHAT = Options()
TRANSCRIBE = Options(max_tokens=1024)
SPEAK = Options(audio=SPEAK_AUDIO, max_tokens=1024)
