"""What the corpus consists of: for each part, the clips to speak, in a fixed order.

Every choice is drawn from a generator seeded by part and index, so a part can be cut short,
extended or shared among workers, and the same clip always comes out.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus import chat

# the voices to speak with
SPOKEN = {
    "us_male": "am_michael",
    "us_female": "af_heart",
    "uk_male": "bm_george",
    "uk_female": "bf_emma",
}
# the voices to be understood, alone or blended
HEARD = [
    "af_alloy",
    "af_aoede",
    "af_bella",
    "af_jessica",
    "af_kore",
    "af_nicole",
    "af_nova",
    "af_river",
    "af_sarah",
    "am_adam",
    "am_echo",
    "am_fenrir",
    "am_liam",
    "am_onyx",
    "am_puck",
    "bf_alice",
    "bf_isabella",
    "bm_daniel",
    "bm_fable",
]
# never in any training set, neither alone nor in a blend
UNKNOWN = ["af_sky", "am_eric", "bf_lily", "bm_lewis"]


@dataclass(frozen=True)
class Clip:
    """One utterance to make."""

    file: str  # under the audio folder, without suffix: part/voice/number
    text: str
    blend: dict[str, float]  # Kokoro voice -> weight; the first gives the accent
    speed: float
    id: int | str  # line of the sentence file, or the chat line's id


def random_blend(rng: random.Random) -> dict[str, float]:
    """A new speaker: one, two or three of the training voices, mixed by random weights."""
    names = rng.sample([*HEARD, *SPOKEN.values()], rng.choice([1, 2, 2, 3]))
    weights = [rng.uniform(0.2, 1.0) for _ in names]
    return {n: round(w / sum(weights), 3) for n, w in zip(names, weights, strict=True)}


def spoken(texts: Path) -> Iterator[Clip]:
    """The four voices, clean, at natural speed: five of every eight sentences, one voice each."""
    names = list(SPOKEN)
    for i, text in enumerate(read(texts / "sentences.txt")):
        if i % 8 < 5:
            name = names[(i // 8 * 5 + i % 8) % 4]
            yield Clip(f"spoken/{name}/{i:05d}", text, {SPOKEN[name]: 1.0}, 1.0, i)


def parallel(texts: Path) -> Iterator[Clip]:
    """The first 4,000 sentences of `spoken` again, in the three voices that did not say them."""
    for clip in [c for _, c in zip(range(4000), spoken(texts), strict=False)]:
        for name, voice in SPOKEN.items():
            if voice not in clip.blend:
                yield Clip(f"spoken/{name}/{clip.id:05d}", clip.text, {voice: 1.0}, 1.0, clip.id)


def heard(texts: Path) -> Iterator[Clip]:
    """The other three of every eight sentences, each by a new blend of voices."""
    for i, text in enumerate(read(texts / "sentences.txt")):
        if i % 8 >= 5:
            rng = random.Random(f"heard {i}")
            yield Clip(f"heard/blend/{i:05d}", text, random_blend(rng), speed(rng), i)


def replies(texts: Path) -> Iterator[Clip]:
    """The answers of the conversation: one voice, a little slow so that text stays ahead of sound.

    Three takes at different speeds: the one whose text is never late in the 6:12 interleave is
    chosen when the training sequences are made.
    """
    for take, pace in enumerate((0.92, 0.88, 0.95)):
        for line in chat.replies():
            name = f"replies/us_female/{line.id}-{take}"
            yield Clip(name, line.text, {SPOKEN["us_female"]: 1.0}, pace, line.id)


def questions(texts: Path) -> Iterator[Clip]:
    """The questions of the conversation in many voices; the unknown voices ask only test ones."""
    for line in chat.questions():
        rng = random.Random(f"question {line.id}")
        blend = {rng.choice(UNKNOWN): 1.0} if line.split == "test" else random_blend(rng)
        yield Clip(f"questions/{line.split}/{line.id}", line.text, blend, speed(rng), line.id)


def test(texts: Path) -> Iterator[Clip]:
    """`test.txt`: each line by a spoken voice, by an unknown one and by one of the heard ones.

    Everyday sentences (the last 300 lines) and WordNet ones alternate, so that any beginning of
    the part holds both.
    """
    lines = list(enumerate(read(texts / "test.txt")))
    wordnet, everyday = lines[:700], lines[700:]
    order = [line for pair in zip(wordnet, everyday, strict=False) for line in pair]
    order += wordnet[len(everyday) :]
    names = list(SPOKEN)
    for n, (i, text) in enumerate(order):
        name = names[n // 2 % 4]
        yield Clip(f"test/{name}/{i:05d}", text, {SPOKEN[name]: 1.0}, 1.0, i)
        unknown, known = UNKNOWN[n // 2 % 4], random.Random(f"test {i}").choice(HEARD)
        yield Clip(f"test/{unknown}/{i:05d}", text, {unknown: 1.0}, 1.0, i)
        yield Clip(f"test/{known}/{i:05d}", text, {known: 1.0}, 1.0, i)


def speed(rng: random.Random) -> float:
    return round(rng.uniform(0.85, 1.2), 2)


def finished(audio: Path) -> set[str]:
    """The files that any worker has completed."""
    return {json.loads(line)["file"] for manifest in audio.glob("manifest-*.jsonl") for line in manifest.read_text().splitlines()}


def read(path: Path) -> list[str]:
    return path.read_text().splitlines()


PARTS: dict[str, Callable[[Path], Iterator[Clip]]] = {f.__name__: f for f in (spoken, parallel, heard, replies, questions, test)}
