"""The middle of two exports whose decoders were trained one from the other: it is often better than both (2203.05482).

    python -m decoders.between EARLIER LATER OUT      each a folder as DATA/codec/export

What codes depend on is equal in both, and stays as it is.
"""

import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from codec.encode import makes_codes
from codec.model import WEIGHTS
from training import mean


def main(earlier: Path, later: Path, out: Path) -> None:
    if makes_codes(earlier) != makes_codes(later):
        raise SystemExit(f"{earlier} and {later} make different codes: their decoders have no middle")
    shutil.copytree(later, out)
    for name in (WEIGHTS, "audio_detokenizer/model.safetensors"):
        before, after = load_file(earlier / name), load_file(later / name)
        middle = {key: value.to(after[key].dtype) for key, value in mean([after, before]).items()}
        save_file(middle, out / name, {"format": "pt"})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
