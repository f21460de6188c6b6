"""Commands beside the page: python -m lfm COMMAND."""

import sys

COMMANDS = {"bench": "time a model on this machine", "quantize": "pack a checkpoint into few bits"}


def main(argv: list[str]) -> int:
    match argv:
        case ["bench", *rest]:
            from lfm.bench.command import main as bench

            return bench(rest)
        case ["quantize", *rest]:
            from lfm.quantize import main as quantize

            return quantize(rest)
    print("usage: python -m lfm COMMAND\n\n" + "\n".join(f"  {name:8}  {what}" for name, what in COMMANDS.items()))
    return 0 if argv in ([], ["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
