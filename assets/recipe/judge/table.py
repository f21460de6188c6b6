"""The whole table of a finished checkpoint, measured through the engine on what was held out.

    python -m judge.table MODEL --data DATA [--clips 60] [--sentences 200] [--turns 200] [--real asr.wav] [--only asr tts]

Every clip that goes wrong is printed above the table; sounds to listen to go to MODEL's neighbour `listen/`. Needs mlx and the instruments
in one environment; see README.
"""

import argparse
from pathlib import Path

import numpy as np

import language  # noqa: F401 (makes lfm importable, and lets it load before mlx)
from codec.data import manifest, padded, read
from codec.measure import by_sentence
from judge import conversation, machine, recognition, synthesis
from judge.codec import HEAD, judge
from judge.codec import rows as codec_rows
from judge.engine import Row
from judge.instruments import Whisper
from lfm import checkpoint
from lfm.engine import Engine

PARTS = ("codec", "asr", "tts", "chat", "machine")


def through_codec(model: Path, data: Path, count: int, whisper: Whisper) -> list[str]:
    """Held-out speech in the four voices, encoded and decoded by the engine's own codec and detokenizer."""
    import mlx.core as mx

    loaded = checkpoint.load(model)
    entries = by_sentence(manifest(data / "audio", ("test",)))[:count]
    waves = [padded(read(data / "audio" / e["file"])) for e in entries]
    table = [HEAD, *codec_rows("original", [judge(e, w, w, whisper) for e, w in zip(entries, waves, strict=True)])]
    encoder = loaded.decoder("Mimi")
    for name, decoder in loaded.decoders.items():
        made = [np.clip(np.array(decoder.decode(encoder.encode(mx.array(w)[None]))[0]), -1, 1) for w in waves]
        table += codec_rows(name, [judge(e, w, m, whisper) for e, w, m in zip(entries, waves, made, strict=True)])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=60, help="of the codec, and of each kind of sentence and voice to be recognised")
    parser.add_argument("--sentences", type=int, default=200, help="to speak")
    parser.add_argument("--turns", type=int, default=200, help="of conversation, by text and by voice each")
    parser.add_argument("--real", type=Path, help="the recording of Harvard sentences")
    parser.add_argument("--decoder", choices=("Detokenizer", "Mimi"), help="of synthesis; the model's own by default")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()

    whisper, listen = Whisper(args.data / "whisper"), args.model.resolve().parent / "listen"
    table: list[str | Row] = []
    if "codec" in args.only:
        table += through_codec(args.model, args.data, args.clips, whisper)
    if {"asr", "tts", "chat"} & {*args.only}:
        engine = Engine(str(args.model))
        engine.wait()
        if "asr" in args.only:
            table += recognition.rows(engine, args.data, args.clips, args.real)
        if "tts" in args.only:
            table += synthesis.rows(engine, args.data, args.sentences, args.decoder, whisper, listen)
        if "chat" in args.only:
            table += conversation.rows(engine, args.data, args.turns, whisper, listen)
        engine.close()
    if "machine" in args.only:
        table += machine.rows(str(args.model))
    text = "\n".join(map(str, table))
    print(text)
    (args.model.resolve().parent / "table.txt").write_text(text + "\n")


if __name__ == "__main__":
    main()
