"""This project beside its peers: the same weights, the same question, one after the other on the same machine.

    python tests/peers/compare.py FOLDER [--only ours liquid-audio-float32 …]

Every peer runs in an environment of its own under ~/.cache/lfm-peers, made on first use; none is a dependency of this project.
An environment that is there already can be named: --python liquid-audio=/path/to/python. The question is four seconds of noise
and the answer is decoded to no sound, so what is compared is the encoder, the backbone and the depthformer.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
CACHE = Path("~/.cache/lfm-peers").expanduser()
sys.path.insert(0, str(HERE.parents[1]))

TOKENS = 36  # two rounds of 6 words and 12 frames, unless asked for more
SECONDS = 90.0  # after which a slow one is stopped


@dataclass(frozen=True)
class Peer:
    """One program to time: where it lives, what it needs, and its script."""

    environment: str  # "" is this one
    packages: tuple[str, ...]
    script: str
    dtype: str


PEERS = {
    "ours": Peer("", (), "ours.py", "float32"),
    "liquid-audio-float32": Peer("liquid-audio", ("liquid-audio==1.3.0",), "with_liquid_audio.py", "float32"),
    "liquid-audio-bfloat16": Peer("liquid-audio", ("liquid-audio==1.3.0",), "with_liquid_audio.py", "bfloat16"),
    "mlx-audio": Peer("mlx-audio", ("mlx-audio[sts]==0.6.2", "mlx[cpu]; sys_platform == 'linux'"), "with_mlx_audio.py", "bfloat16"),
}


def python_of(peer: Peer, given: dict[str, str]) -> str:
    """The interpreter of a peer's environment, which is made when it is not there."""
    if not peer.environment:
        return sys.executable
    if peer.environment in given:
        return given[peer.environment]
    folder = CACHE / peer.environment
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *peer.packages], check=True)
    return str(python)


def write_question(folder: Path, path: Path) -> None:
    """The prompt as every peer takes it: token ids before and after what is heard, and its mel frames; and a longer sound."""
    from lfm import prompts
    from lfm.bench.works import noise
    from lfm.config import LfmAudioConfig
    from lfm.conversation import Conversation, Heard, Text
    from lfm.mel import log_mel
    from lfm.tokenizer import Tokenizer

    config = LfmAudioConfig.from_dict(json.loads((folder / "config.json").read_text()))
    mel = log_mel(noise(4.0, config.mel.sample_rate), config.mel)
    conversation = Conversation(Tokenizer(folder / "tokenizer.json"))
    conversation.turn("system", prompts.CHAT)
    conversation.open("user")
    conversation.hear(mel)
    conversation.close()
    conversation.open("assistant")
    heard, sides = 0, ([], [])
    for segment in conversation.segments:
        match segment:
            case Text(ids):
                sides[heard].extend(ids)
            case Heard():
                heard = 1
    long = noise(20.0, config.mel.sample_rate)
    np.savez(
        path,
        before=sides[0],
        after=sides[1],
        mel=mel,
        long=long,
        long_mel=log_mel(long, config.mel),
        n_text=config.interleaved_n_text,
        n_audio=config.interleaved_n_audio,
    )


def measure(peer: Peer, python: str, folder: Path, question: Path, tokens: int) -> dict:
    """What the peer's script prints last."""
    command = [python, str(HERE / peer.script), str(folder), str(question), peer.dtype, str(tokens), str(SECONDS)]
    paths = filter(None, ["" if peer.environment else str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
    if ended.returncode:
        return {"error": ended.stderr.strip().rsplit("\n", 1)[-1]}
    return json.loads(ended.stdout.rsplit("\n", 2)[-2])


def figures(found: dict, n_text: int, n_audio: int) -> dict[str, float]:
    """Milliseconds of the parts, and the rate that follows for the model's own schedule."""
    words = [seconds for kind, seconds in found["tokens"][1:] if kind == "word"]
    frames = [seconds for kind, seconds in found["tokens"][1:] if kind == "frame"]
    word, frame = statistics.median(words), statistics.median(frames)
    return {
        "load, s": found["load"],
        "mel and encoder, 20 s, ms": 1e3 * found["encoder"],
        "first word, ms": 1e3 * found["tokens"][0][1],
        "word, ms": 1e3 * word,
        "frame, ms": 1e3 * frame,
        "frames a second": n_audio / (n_text * word + n_audio * frame),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="an environment that is there already")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="words and frames of the answer (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in chosen.python)
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        question = Path(temporary) / "question.npz"
        write_question(chosen.folder, question)
        asked = np.load(question)
        for name in chosen.only:
            found = measure(PEERS[name], python_of(PEERS[name], given), chosen.folder, question, chosen.tokens)
            if "error" in found:
                print(f"{name}: {found['error']}")
                continue
            results[name] = figures(found, int(asked["n_text"]), int(asked["n_audio"]))
            print(name, *(f"{what} {value:.4g}" for what, value in results[name].items()), sep="\n  ", flush=True)
    ours = results.get("ours")
    for name, theirs in results.items():
        if ours and name != "ours":
            frames = ours["frames a second"] / theirs["frames a second"]
            encoder = theirs["mel and encoder, 20 s, ms"] / ours["mel and encoder, 20 s, ms"]
            print(f"against {name}: {frames:.2f} times the frames a second, {encoder:.2f} times as fast an encoder")
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
