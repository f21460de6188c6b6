"""Processes that train apart, a core each, go on from the mean of what they have learned (1805.09767).

    python -m language.meet RUN RUN ...      each a folder of `language.train`, stopped; then each is started again

Each keeps its optimiser's state and its place in the schedule. It does in minutes what larger batches would do at every step.
"""

import argparse
from pathlib import Path

import torch

from training import mean, save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="+")
    paths = [run / "last.pt" for run in parser.parse_args().run]
    states = [torch.load(path, weights_only=True) for path in paths]
    together = {kind: mean([state[kind] for state in states]) for kind in ("model", "average")}
    for state, path in zip(states, paths, strict=True):
        kept = {kind: {k: v.to(state[kind][k].dtype) for k, v in weights.items()} for kind, weights in together.items()}
        save(state | kept, path)
        print(f"{path}: step {state['step']}, {state['spent']:.0f} s")


if __name__ == "__main__":
    main()
