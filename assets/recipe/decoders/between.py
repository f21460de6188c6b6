"""The mean of exports whose decoders were trained one from the other, or from the same one: it is often better than each (2203.05482).

    python -m decoders.between EXPORT EXPORT ... OUT      each a folder as DATA/codec/export

What codes depend on is equal in all, and stays as it is.
"""

import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from codec.encode import makes_codes
from codec.model import WEIGHTS
from training import mean


def main(exports: list[Path], out: Path) -> None:
    last = exports[-1]
    if any(makes_codes(one) != makes_codes(last) for one in exports):
        raise SystemExit(f"{', '.join(map(str, exports))} make different codes: their decoders have no mean")
    shutil.copytree(last, out)
    for name in (WEIGHTS, "audio_detokenizer/model.safetensors"):
        weights = [load_file(one / name) for one in exports]
        middle = {key: value.to(weights[-1][key].dtype) for key, value in mean(weights).items()}
        save_file(middle, out / name, {"format": "pt"})


if __name__ == "__main__":
    *given, target = map(Path, sys.argv[1:])
    main(given, target)
