"""The mean of exports whose decoders were trained one from the other, or from the same one: it is often better than each (2203.05482).

    python -m decoders.between OUT EXPORT EXPORT ...      each a folder as DATA/codec/export

What codes depend on is equal in all, and stays as it is.
"""

import argparse
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from codec.encode import makes_codes
from codec.model import WEIGHTS
from training import mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("export", type=Path, nargs="+")
    args = parser.parse_args()
    last = args.export[-1]
    if any(makes_codes(one) != makes_codes(last) for one in args.export):
        raise SystemExit(f"{', '.join(map(str, args.export))} make different codes: their decoders have no mean")
    shutil.copytree(last, args.out)
    for name in (WEIGHTS, "audio_detokenizer/model.safetensors"):
        weights = [load_file(one / name) for one in args.export]
        middle = {key: value.to(weights[-1][key].dtype) for key, value in mean(weights).items()}
        save_file(middle, args.out / name, {"format": "pt"})


if __name__ == "__main__":
    main()
