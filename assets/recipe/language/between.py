"""The mean of weights that were trained from the same ones, those among them: it is better than each (2203.05482).

    python -m language.between OUT SMALL SMALL ...      each a folder as `language.train --small` leaves it

Small batches at a fair rate learn something and lose as much to noise; in the mean of several such runs the noise is gone.
"""

import argparse
from pathlib import Path

from language import small
from training import mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("small", type=Path, nargs="+")
    args = parser.parse_args()
    models, helps = zip(*map(small.read, args.small), strict=True)
    small.write(args.out, mean(models), mean(helps) if all(helps) else {}, 0, 0.0)


if __name__ == "__main__":
    main()
