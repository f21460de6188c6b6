"""The command: load a model, time it, print the table."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from lfm import hub
from lfm.bench.floors import Probe
from lfm.bench.parts import Parts
from lfm.bench.report import Row, as_json, machine, table
from lfm.bench.requests import Requests, start_to_ready
from lfm.bench.works import Works
from lfm.checkpoint import LoadedModel, load
from lfm.errors import LfmError
from lfm.generate import TokenGenerator


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m lfm bench", description="Time a model on this machine.")
    parser.add_argument("--model", required=True, help="a folder, or a repository that was downloaded before or can be")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], help="precision of the weights (default: by hardware)")
    parser.add_argument("--turns", type=int, default=100, help="of the conversation that measures memory (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    chosen = parser.parse_args(argv)
    try:
        folder = hub.find(chosen.model)
        start = list(start_to_ready(folder))  # before this process is large: one that it starts counts as that at first
        began = perf_counter()
        loaded = load(folder, chosen.dtype, name=chosen.model)
    except LfmError as error:
        parser.error(str(error))
    spent = perf_counter() - began
    model = {"name": chosen.model, "precision": loaded.info.precision, "parameters": loaded.info.parameters}
    print(", ".join(f"{key} {value}" for key, value in {**machine(), **model}.items()), flush=True)
    rows = [Row("load", spent, "s"), *measure(loaded, chosen.turns), *start]
    print("\n".join(table(rows)))
    if chosen.json:
        chosen.json.write_text(as_json(model, rows), encoding="utf-8")
    return 0


def measure(loaded: LoadedModel, turns: int) -> Iterator[Row]:
    """Parts, then requests, with the probes' own rates between."""
    generator, probe = TokenGenerator(loaded.model), Probe(loaded.model)
    works = Works(loaded, generator)
    yield from Parts(works, probe).rows()
    yield Row("memory's bandwidth", probe.read() / 1e9, "GB/s")
    yield Row("matrix products", probe.multiply() / 1e9, "GFLOP/s")
    del probe  # its matrices would count as memory that the model takes
    yield from Requests(works).rows(turns)
