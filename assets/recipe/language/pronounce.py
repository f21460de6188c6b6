"""How every sentence and every question is pronounced, without speaking it: its phones in order, by espeak-ng.

    python -m language.pronounce --data DATA      -> DATA/language/pronounced.npz

Every other line as in America, the rest as in Britain. It takes some minutes, once.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from codec.phones import spans
from corpus import chat
from corpus.kokoro import phonemes
from language.imagined import Pronounced, accent

LANGUAGES = {"us": "en-us", "uk": "en-gb"}


def pronounced(text: str, accent: str) -> np.ndarray:
    """Classes of its phones and pauses, silent ends included, uint8."""
    said = phonemes(text, LANGUAGES[accent])
    return np.array([kind for kind, _ in spans(said, [1] * (len(said) + 2))], np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    texts = (args.data / "sentences.txt").read_text().splitlines()
    texts += [q.text for q in (*chat.all_lines(), *chat.further_lines()) if q.split == "train"]
    path = args.data / "language" / "pronounced.npz"
    known = Pronounced(path) if path.exists() else {}
    wanted = [(text, accent(i)) for i, text in enumerate(texts)]
    with ThreadPoolExecutor(3) as pool:
        kinds = [*pool.map(lambda one: known[one] if one in known else pronounced(*one), wanted)]
    ends = np.cumsum([len(k) for k in kinds])
    np.savez_compressed(path, texts=np.array(texts), kinds=np.concatenate(kinds), ends=ends)
    print(f"{path}: {len(kinds)} texts, {ends[-1]} phones")


if __name__ == "__main__":
    main()
