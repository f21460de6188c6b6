"""python -m corpus.lexicon CHECKPOINT: the words that its recognition prefers, with their licence.

From Debian's wamerican-large and wbritish-large: SCOWL's lists, American and British, common words and rare ones, with their
inflected forms and many names; those with accents without them too, as the corpus has none. What stands on both sides of an
apostrophe counts as two words, as in `lfm.lexicon`.
"""

import gzip
import re
import sys
import unicodedata
from pathlib import Path

LISTS = [Path("/usr/share/dict") / name for name in ("american-english-large", "british-english-large")]
LICENCE = Path("/usr/share/doc/wamerican-large/copyright")


def main(checkpoint: Path) -> None:
    if missing := [str(path) for path in (*LISTS, LICENCE) if not path.is_file()]:
        sys.exit(f"{', '.join(missing)}: not there. Install wamerican-large and wbritish-large.")
    listed = "\n".join(path.read_text(encoding="utf-8").lower() for path in LISTS)
    plain = "".join(letter for letter in unicodedata.normalize("NFD", listed) if not unicodedata.combining(letter))
    words = sorted({*re.findall(r"[^\W\d_]+", f"{listed}\n{plain}")})
    (checkpoint / "lexicon.txt.gz").write_bytes(gzip.compress("\n".join(words).encode(), mtime=0))
    (checkpoint / "lexicon.copyright").write_text(LICENCE.read_text(encoding="utf-8"), encoding="utf-8")
    print(f"{len(words):,} words")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
