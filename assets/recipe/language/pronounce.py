"""How each sentence, each question and all that nobody spoke is pronounced, without speaking it: phones, by espeak-ng.

    python -m language.pronounce --data DATA      -> DATA/language/pronounced.npz

Every other line as in America, the rest as in Britain. It takes a quarter of an hour, once.
"""

import argparse
from pathlib import Path

import numpy as np

from codec.phones import spans
from corpus import chat
from corpus.phonemes import phonemes
from language.imagined import TOLD, UNSPOKEN, Pronounced, accent

BATCH = 1000  # texts
LANGUAGES = {"us": "en-us", "uk": "en-gb"}


def pronounced(texts: list[str], accent: str) -> list[np.ndarray]:
    """Classes of each text's phones and pauses, silent ends included, uint8."""
    found = phonemes(texts, LANGUAGES[accent])
    return [np.array([kind for kind, _ in spans(said, [1] * (len(said) + 2))], np.uint8) for said in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    texts = (args.data / "sentences.txt").read_text().splitlines()
    texts += [q.text for q in (*chat.all_lines(), *chat.further_lines()) if q.split == "train"]
    texts += [line for name in (*UNSPOKEN, *TOLD) for line in (args.data / name).read_text().splitlines()]
    path = args.data / "language" / "pronounced.npz"
    known: dict[tuple[str, str], np.ndarray] = Pronounced(path) if path.exists() else {}
    wanted = [(text, accent(i)) for i, text in enumerate(texts)]
    for spoken_in in LANGUAGES:
        new = [text for text, how in dict.fromkeys(wanted) if how == spoken_in and (text, how) not in known]
        for first in range(0, len(new), BATCH):
            some = new[first : first + BATCH]
            known |= {(text, spoken_in): said for text, said in zip(some, pronounced(some, spoken_in), strict=True)}
    kinds = [known[one] for one in wanted]
    ends = np.cumsum([len(k) for k in kinds])
    np.savez_compressed(path, texts=np.array(texts), kinds=np.concatenate(kinds), ends=ends)
    print(f"{path}: {len(kinds)} texts, {ends[-1]} phones")


if __name__ == "__main__":
    main()
