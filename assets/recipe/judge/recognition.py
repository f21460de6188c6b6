"""Recognition rows: word error rates of the engine on `test.txt`, by kind of sentence and of voice, and on a real recording."""

from pathlib import Path

import numpy as np

from codec.data import manifest, read
from codec.measure import in_a_row
from corpus.parts import UNKNOWN
from judge.engine import RATE, Row, gathered, percent
from judge.instruments import word_errors
from lfm.audio import Audio, load
from lfm.engine import Engine

WORDNET = 700  # lines of test.txt before the everyday ones
AIMS = {
    ("everyday", "known"): "<= 4 %",
    ("everyday", "unknown"): "<= 8 %",
    ("WordNet", "known"): "<= 15 %",
    ("WordNet", "unknown"): "<= 22 %",
}
TOGETHER, PAUSE = 5, 0.4  # sentences of a voice in one recording; seconds behind each
HARVARD = (
    "The stale smell of old beer lingers. It takes heat to bring out the odor. A cold dip restores health and zest. "
    "A salt pickle tastes fine with ham. Tacos al pastor are my favorite. A zestful food is the hot cross bun."
)


def together(clips: list[dict], data: Path) -> Audio:
    """One recording of several clips."""
    waves = [np.pad(read(data / "audio" / c["file"]), (0, int(PAUSE * RATE))) for c in clips]
    return Audio(np.concatenate(waves), RATE)


def rows(engine: Engine, data: Path, count: int, real: Path | None) -> list[Row]:
    """`count` clips of each kind; what is heard is printed with what was said where it differs."""
    clips = manifest(data / "audio", ("test",))
    found = []
    for (kind, voices), aim in AIMS.items():
        mine = [c for c in clips if (c["id"] < WORDNET) == (kind == "WordNet") and (c["voice"] in UNKNOWN) == (voices == "unknown")]
        mine = sorted(mine, key=lambda c: (c["id"], c["voice"]))[:count]
        heard = [gathered(engine.transcribe(Audio(read(data / "audio" / c["file"]), RATE))).text for c in mine]
        said = [c["text"] for c in mine]
        for a, b in list(zip(said, heard, strict=True))[:5]:
            print(f"  said {a!r}\n heard {b!r}")
        if mine:
            found.append(Row(f"ASR word errors, {kind} sentences, {voices} voices", percent(word_errors(said, heard)), aim, len(mine)))
        if several := in_a_row(mine, TOGETHER):
            said = [" ".join(c["text"] for c in some) for some in several]
            heard = [gathered(engine.transcribe(together(some, data))).text for some in several]
            found.append(Row(f"  {TOGETHER} of them in one recording", percent(word_errors(said, heard)), "reported", len(said)))
    if real is not None:
        heard_real = gathered(engine.transcribe(load(real))).text
        print(f"  real speech: {heard_real!r}")
        found.append(Row(f"ASR word errors, {real.name} (real speech)", percent(word_errors([HARVARD], [heard_real])), "reported", 1))
    return found
