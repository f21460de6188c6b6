"""Train the voice model: the mean square of what it does not know of the codec's vectors.

    python -m voices.train --data DATA --seconds 1200                      -> DATA/voices/all-1.pt
    python -m voices.train --data DATA --seconds 1200 --seed 2 (and 3 ...) -> DATA/voices/all-2.pt: what is said is the mean of all seeds
    python -m voices.train --data DATA --seconds 1200 --without 0 (and 1)  -> DATA/voices/without-0-1.pt, for `voices.taught`

Every pass over the clips is saved; the same command goes on from there.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from language.store import Store, held_out
from training import Clock, save
from voices.model import Together, Utterance, VoiceModel, fold, padded, weights

RATE, DECAY, WARM_UP = 2e-3, 0.05, 100
CONSTANT = 0.4  # share of the time at the full rate; then linearly to nothing
BATCH, POOL = 24, 512  # clips of a batch, and how many are sorted by length to find it
Clip = tuple[Utterance, np.ndarray]  # and its vectors (F, 128)


def clips(data: Path, store: Store, without: int | None) -> dict[str, list[Clip]]:
    """To train on, and to measure with; the first lack a fold."""
    vectors = np.load(data / "voices" / "vectors.npy", mmap_mode="r")
    found: dict[str, list[Clip]] = {"train": [], "tune": []}
    for line in (data / "codec" / "codes" / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        clip = store.clips[entry["file"]]
        said = Utterance.of(store.phones(clip), entry["frames"], voice(entry["file"]))
        part = "tune" if held_out(entry["file"]) and entry["file"].startswith("spoken/") else "train"
        if part == "train" and fold(entry["file"]) == without:
            continue
        found[part].append((said, vectors[entry["start"] : entry["start"] + entry["frames"]].astype(np.float32)))
    return found


def voice(file: str) -> str:
    """Whose clip it is; answers are all of one voice."""
    return file.split("/")[1] if file.startswith(("spoken/", "imagined/")) else "us_female"


def batches(clips: list[Clip], rng: random.Random) -> Iterator[list[Clip]]:
    """One pass over the clips."""
    clips = rng.sample(clips, len(clips))
    for first in range(0, len(clips), POOL):
        pool = sorted(clips[first : first + POOL], key=lambda c: len(c[1]))
        for group in rng.sample(range(0, len(pool), BATCH), -(-len(pool) // BATCH)):
            yield pool[group : group + BATCH]


def missed(model: VoiceModel, batch: list[Clip]) -> tuple[Tensor, Tensor]:
    """Summed squares by vector (2,): of the semantic ones, of the acoustic ones; and how many frames."""
    said = Together.of([u for u, _ in batch])
    right = (padded([v for _, v in batch], torch.float32) - model.mean) / model.spread
    with torch.autocast("cpu", torch.bfloat16, enabled=model.training):
        made = model(said)
    error = (made.float() - right).square() * said.real
    return error.unflatten(-1, (2, -1)).mean(-1).sum((0, 1)), said.real.sum()


@torch.no_grad()
def measured(model: VoiceModel, clips: list[Clip]) -> Tensor:
    """Mean squares (2,), in full precision."""
    model.eval()
    found = [missed(model, clips[i : i + BATCH]) for i in range(0, len(clips), BATCH)]
    model.train()
    return sum(e for e, _ in found) / sum(c for _, c in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of the whole schedule")
    parser.add_argument("--without", type=int, help="leave a fold of the clips out")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    data = clips(args.data, Store(args.data / "language" / "pack"), args.without)
    model, path, spent, passes = VoiceModel(), weights(args.data, args.without, args.seed), 0.0, 0
    every = np.concatenate([v for _, v in data["train"]])
    model.mean.copy_(torch.from_numpy(every.mean(0)))
    model.spread.copy_(torch.from_numpy((every - every.mean(0)).reshape(-1, 2, 64).std((0, 2)).repeat(64)))
    optimiser = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=DECAY)
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"]), optimiser.load_state_dict(state["optimiser"])
        spent, passes = state["spent"], state["passes"]
    clock, before, step = Clock(), spent, 0
    while spent < args.seconds and not clock.over:
        total, frames = torch.zeros(2), torch.zeros(())
        for batch in batches(data["train"], random.Random(1000 * args.seed + passes)):
            spent = before + clock.run
            if spent > args.seconds or clock.over:
                break
            for group in optimiser.param_groups:
                group["lr"] = RATE * min(1.0, (step + 1) / WARM_UP, (1 - spent / args.seconds) / (1 - CONSTANT))
            error, count = missed(model, batch)
            optimiser.zero_grad()
            (error.sum() / count).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            total, frames, step = total + error.detach(), frames + count, step + 1
        passes += 1
        known, held = total / frames, measured(model, data["tune"])
        shares = " ".join(f"{share:.3f}" for share in (*known.tolist(), *held.tolist()))
        print(f"pass {passes}, {spent:.0f} s; not explained, semantic and acoustic, then held out: {shares}", flush=True)
        save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "spent": spent, "passes": passes}, path)


if __name__ == "__main__":
    main()
