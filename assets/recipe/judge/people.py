"""How a person is heard: the phrases that Allison Smith recorded for Asterisk, written down by the engine.

    python -m judge.people MODEL [--root FOLDER]

They are in Debian's `asterisk-core-sounds-en-g722`, their texts in `asterisk-core-sounds-en`; both installed, or unpacked into FOLDER.
"""

import argparse
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from judge.engine import Row, gathered, percent
from judge.instruments import word_errors
from lfm.audio import Audio, mono
from lfm.engine import Engine

SOUNDS = "usr/share/asterisk/sounds/en_US_f_Allison"
TEXTS = "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
RATE = 16_000
FEWEST = 3  # words


def phrases(root: Path) -> Iterator[tuple[Audio, str]]:
    """What was said, of so many words and without remarks in brackets, and its text."""
    for line in gzip.decompress((root / TEXTS).read_bytes()).decode().splitlines():
        if found := re.fullmatch(r"([\w/-]+): ([^\[(<]+)", line.strip()):
            path = root / SOUNDS / f"{found[1]}.g722"
            if path.is_file() and len(found[2].split()) >= FEWEST:
                yield decoded(path.read_bytes()), found[2]


def decoded(g722: bytes) -> Audio:
    """Bare G.722, as telephones send it."""
    codec = av.CodecContext.create("g722", "r")
    codec.sample_rate, codec.layout = RATE, "mono"
    frames = [*codec.decode(av.Packet(g722)), *codec.decode(None)]
    return mono(np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]), RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--root", type=Path, default=Path("/"))
    args = parser.parse_args()
    sounds, said = zip(*phrases(args.root), strict=True)
    engine = Engine(str(args.model))
    engine.wait()
    heard = [gathered(engine.transcribe(sound)).text for sound in sounds]
    engine.close()
    for wanted, text in zip(said, heard, strict=True):
        print(f"   said {wanted!r}\n  heard {text!r}")
    print(Row("ASR word errors, a person's recorded phrases", percent(word_errors([*said], heard)), "reported", len(said)))


if __name__ == "__main__":
    main()
