"""What a checkpoint says, in the pack in place of the voices: where their data is gone, its own codes keep what it has learned of speaking.

    python -m language.recall ../pocket --data DATA [--count 25000]      -> DATA/language/recalled.npz, and in the pack

Sentences of which the pronunciation is known are read out, and every answer of the conversation is said where a dialogue asks for it, each
code the likeliest. Their phones get the middle of the lengths that the voices make them, as what was learned from has, stretched to what
was said; a sentence that comes out much longer or shorter than that is left out.
"""

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import mlx.core as mx
import numpy as np
import torch

import corpus.sentences
from codec.phones import UNLABELLED
from corpus import chat
from language.data import EVERYDAY
from language.imagined import Imagination, merged
from language.losses import READ_OUT, SOUNDING
from language.pronounce import pronounced
from language.saying import still
from language.sequences import N_AUDIO, N_TEXT, Builder, Sequence, Texts, on_time
from language.store import SLOTS, Store, of_frames, progress, write
from lfm import checkpoint, prompts
from lfm.config import END_OF_AUDIO
from lfm.conversation import Segment, Spoken, Text
from lfm.generate import TokenGenerator
from lfm.model.lfm_audio import LfmAudio
from lfm.model.state import State
from voices.say import closed, imagined, in_voices, opened

ROWS = 128  # sentences at once
LIKELY = (0.75, 1.3)  # how long what is said may be, of what its phones make likely
LONGEST = 160  # frames
DIALOGUES = 20_000
Said = tuple[dict, np.ndarray, np.ndarray]  # a clip, its phones by 20 ms and its codes (F, 8)


def frames(model: LfmAudio, hidden: mx.array, quiet: np.ndarray, sounding: int) -> np.ndarray:
    """The likeliest codes (B, 8) of the next frame after states (B, hidden), of the first `sounding` codebooks."""
    inputs, state = model.depth_linear(hidden).reshape(len(hidden), model.codebooks, -1), State()
    codes: list[mx.array] = []
    x = inputs[:, 0]
    for table in model.depth_embeddings[:sounding]:
        logits = table.logits(model.depthformer(x[:, None], state))[:, 0]
        codes.append(mx.argmax(logits[:, :END_OF_AUDIO] if codes else logits, axis=-1))  # only the first one ends
        x = inputs[:, len(codes)] + table.embedding(codes[-1])
    drawn = np.array(mx.stack(codes, 1))
    drawn = np.concatenate([drawn, np.broadcast_to(quiet[sounding:], (len(drawn), len(quiet) - sounding))], 1)
    return np.where(drawn[:, :1] == END_OF_AUDIO, END_OF_AUDIO, drawn)


def read_out(model: LfmAudio, ids: np.ndarray, quiet: np.ndarray) -> list[np.ndarray]:
    """Codes (F, 8) for each of some prompts of one length, (B, n), that end where sound begins; what does not end is as long as can be."""
    state, living = State(), np.arange(len(ids))
    said: list[list[np.ndarray]] = [[] for _ in ids]
    hidden = model(mx.concatenate([model.embed_text(mx.array(row)) for row in ids]), state)[:, -1]
    for _ in range(LONGEST):
        codes = frames(model, hidden, quiet, READ_OUT)
        goes_on = np.flatnonzero(codes[:, 0] != END_OF_AUDIO)
        if not len(goes_on):
            break
        if len(goes_on) < len(living):
            state, living, codes = state.rows(mx.array(goes_on)), living[goes_on], codes[goes_on]
        for row, code in zip(living, codes, strict=True):
            said[row].append(code)
        hidden = model(model.embed_spoken(mx.array(codes)).swapaxes(0, 1), state)[:, -1]
        mx.eval(hidden, state.arrays())
    return [np.array(codes, np.uint16).reshape(-1, model.codebooks) for codes in said]


def stretched(slots: np.ndarray, count: int) -> np.ndarray:
    """Phones by 20 ms, spread over so many frames."""
    return slots[np.arange(count * SLOTS) * len(slots) // (count * SLOTS)]


def sentences(model: LfmAudio, store: Store, build: Builder, imagination: Imagination, quiet: np.ndarray, count: int) -> Iterator[Said]:
    """Any that no clip is of, each by one of the voices of its accent."""
    rng = random.Random(1)
    grammatical = {*corpus.sentences.grammatical(random.Random(corpus.sentences.SEED))}
    known = [n for n, text in enumerate(store.sentences) if text in imagination.kinds]
    everyday, others = ([n for n in known if (store.sentences[n] in grammatical) == wanted] for wanted in (True, False))
    some = rng.sample(everyday, min(int(EVERYDAY * count), len(everyday)))
    some += rng.sample(others, min(count - len(some), len(others)))
    jobs = []
    for clip, slots in imagined(store, imagination, some):
        jobs.append((build.to_say(clip["file"].split("/")[1], clip["text"]), clip, slots))
    jobs.sort(key=lambda job: len(job[0]))
    made = 0
    while jobs:
        alike = [job for job in jobs[:ROWS] if len(job[0]) == len(jobs[0][0])]
        del jobs[: len(alike)]
        for (_, clip, slots), codes in zip(alike, read_out(model, np.array([ids for ids, _, _ in alike]), quiet), strict=True):
            likely = len(slots) / SLOTS
            if LIKELY[0] * likely < len(codes) < LIKELY[1] * likely:
                yield clip, stretched(slots, len(codes)), codes
        made += len(alike)
        if made % 100 < len(alike):
            print(f"{made} sentences read out, {len(jobs)} left", flush=True)


def answer(generator: TokenGenerator, state: State, ids: np.ndarray, quiet: np.ndarray) -> np.ndarray | None:
    """An answer's codes (F, 8), its words (n,) being given; None where its sound ends before they do."""
    said: list[np.ndarray] = []

    def fed(segment: Segment) -> mx.array:
        hidden = generator.prefill([segment], state)
        assert hidden is not None
        return hidden

    for word in range(0, len(ids), N_TEXT):
        hidden = fed(Text(tuple(map(int, ids[word : word + N_TEXT]))))
        last = word + N_TEXT >= len(ids)
        for _ in range(LONGEST if last else N_AUDIO):
            codes = frames(generator.model, hidden[None], quiet, SOUNDING)
            hidden = fed(Spoken(codes))
            if codes[0, 0] == END_OF_AUDIO:
                return np.concatenate(said).astype(np.uint16) if last and said else None
            said.append(codes)
    return None


def answers(model: LfmAudio, build: Builder, imagination: Imagination, quiet: np.ndarray) -> Iterator[Said]:
    """All that dialogues ask for, each where it comes first."""
    texts, generator = build.texts, TokenGenerator(model)
    every = [reply.text for reply in chat.replies()]
    kinds = dict(zip(every, pronounced(every, "us"), strict=True))
    known: set[str] = set()
    for turns in islice(chat.dialogues("train", 0), DIALOGUES):
        if all(turn.reply.id in known for turn in turns):
            continue
        state, unread = State(), build.begin(prompts.CHAT)
        for turn in turns:
            build.turn(unread, "user", texts(turn.line.text)[0])
            unread.say(texts.template("<|im_start|>assistant\n"))
            generator.prefill([Text(tuple(map(int, unread.ids)))], state)
            ids, places = texts(turn.reply.text)
            codes = answer(generator, state, np.append(ids, build.names.text_end), quiet)
            if codes is None:
                break
            slots = imagination.spread("us_female", merged(kinds[turn.reply.text]))
            if turn.reply.id not in known and slots is not None:
                known.add(turn.reply.id)
                clip = {"file": f"replies/us_female/{turn.reply.id}-0", "text": turn.reply.text, "id": turn.reply.id}
                timed = stretched(closed(slots), len(codes))
                if not on_time(places, of_frames(progress(timed), len(codes))):
                    timed = np.full_like(timed, UNLABELLED)  # its words are written in time, for so it was said
                yield clip, timed, codes
            unread = Sequence()
            build.end(unread)
    print(f"{len(known)} of {len(every)} answers said", flush=True)


def recalled(path: Path, store: Store, count: int) -> Iterator[Said]:
    """Answers and sentences, as a checkpoint says them; nothing is loaded before the first is asked for."""
    model, build, imagination = checkpoint.load(path).model, Builder(Texts(store.pack / "tokenizer.json")), in_voices(store)
    quiet = still(torch.from_numpy(store.centroids)).numpy()
    yield from answers(model, build, imagination, quiet)
    yield from sentences(model, store, build, imagination, quiet, count)


def kept(path: Path, said: Iterable[Said]) -> list[Said]:
    """What is said, from the file where it was kept."""
    if not path.exists():
        clips, slots, codes = zip(*said, strict=True)
        ends = np.cumsum([len(c) for c in codes])
        np.savez_compressed(path, clips=json.dumps(clips), ends=ends, slots=np.concatenate(slots), codes=np.concatenate(codes))
    found = np.load(path)
    ends = found["ends"][:-1]
    return [*zip(json.loads(str(found["clips"])), np.split(found["slots"], ends * SLOTS), np.split(found["codes"], ends), strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=25_000, help="sentences to be read out")
    args = parser.parse_args()
    pack = args.data / "language" / "pack"
    store = opened(pack)
    said = kept(args.data / "language" / "recalled.npz", recalled(args.checkpoint, store, args.count))
    row, place = len(store.codes), len(store.slots)
    for clip, slots, codes in said:
        clip |= {"frames": [row, len(codes)], "slots": [place, len(slots)]}
        row, place = row + len(codes), place + len(slots)
    codes = np.concatenate([store.codes.astype(np.uint16), *(c for _, _, c in said)])
    slots = np.concatenate([store.slots, *(s for _, s, _ in said)])
    write(pack, codes, slots, store.centroids, [*store.clips.values(), *(c for c, _, _ in said)])
    print(f"{sum(len(codes) for _, _, codes in said)} frames of {len(said)} clips")


if __name__ == "__main__":
    main()
