"""Does training see what the engine will? Sequences against the engine's conversation and schedules, and the log-mel against its own.

    python -m language.check --pack DATA/language/pack [--count 100]

It ends with an error at the first difference. The network's numbers are compared by `language.export`.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from language.data import Mix, Sampler
from language.hearing import LogMel, Renderings, rendered
from language.sequences import END, ENDED, N_AUDIO, N_TEXT, VOICES, Heard, Sequence
from language.sizes import config_json
from language.store import Store, sounded
from lfm import prompts
from lfm.config import MelConfig
from lfm.conversation import Conversation, Segment, Spoken, Text
from lfm.mel import log_mel
from lfm.schedule import Interleaved, Schedule, Sequential
from lfm.sizes import POCKET
from lfm.status import ModelInfo

INFO = ModelInfo(
    name="", family="LFM2.5-Audio", precision="", parameters=0, memory=0, decoders=("Mimi",), voices=tuple(VOICES.values()), context=0
)
Position = tuple  # ("word", id), ("frame", codes) or ("heard", number of the position in its clip)


def fed(segments: Iterable[Segment]) -> list[Position]:
    """The engine's positions, in order."""
    found: list[Position] = []
    for segment in segments:
        match segment:
            case Text(ids):
                found += [("word", int(i)) for i in ids]
            case Spoken(codes):
                found += [("frame", tuple(map(int, frame))) for frame in codes]
            case _:
                found += [("heard", i) for i in range(len(segment))]
    return found


def laid(sequence: Sequence, codes: np.ndarray) -> list[Position]:
    """Ours."""
    found: list[Position] = [()] * sequence.length
    for first, ids, _ in sequence.text:
        found[first : first + len(ids)] = [("word", int(i)) for i in ids]
    for first, rows in sequence.spoken:
        found[first : first + len(rows)] = [("frame", tuple(map(int, ENDED if r == END else codes[r]))) for r in rows]
    for first, clip in sequence.heard:
        found[first : first + clip.positions] = [("heard", i) for i in range(clip.positions)]
    return found


def answer(conversation: Conversation, schedule: Schedule, words: list[int], frames: np.ndarray) -> None:
    """What `Session.answer` puts into the conversation when the model says these words and frames."""
    conversation.open("assistant")
    words, left = [*words], [*frames]
    while not schedule.done:
        if schedule.speaking:
            frame = left.pop(0)
            conversation.frame(frame)
            schedule.after_frame(frame[0] == ENDED[0])
        else:
            word = words.pop(0)
            conversation.word(word)
            schedule.after_word(word)
    assert not words and not left, "the schedule ended before all was said"
    conversation.close()


def question(conversation: Conversation, asked: str | Heard) -> None:
    conversation.open("user")
    if isinstance(asked, Heard):
        conversation.hear(np.zeros((1 + asked.total // 160, 1)))
    else:
        conversation.say(asked)
    conversation.close()


def check_sequences(sampler: Sampler, count: int) -> int:
    """Recognition, synthesis and conversation; how many were compared."""
    names, codes, compared = sampler.build.names, sampler.store.codes, 0

    def compare(conversation: Conversation, sequence: Sequence) -> None:
        assert fed(conversation.segments) == laid(sequence, codes), "training and the engine differ"

    for clip in sampler.to_speak[:count]:
        voice, rows = clip["file"].split("/")[1], sampler.store.rows(clip)
        phones = sounded(sampler.store.phones(clip))
        conversation = Conversation(names)
        conversation.turn("system", prompts.speak(INFO, VOICES[voice]))
        question(conversation, clip["text"])
        sound = np.vstack([codes[rows], ENDED])
        answer(conversation, Sequential(names.audio_start, names.im_end), [names.audio_start, names.im_end], sound)
        compare(conversation, sampler.build.speak(voice, clip["text"], phones, rows, sampler.store.said(clip), loose=False))
        compared += 1
    for clip in sampler.to_hear[:count]:
        heard = sampler.heard(clip)
        conversation = Conversation(names)
        conversation.turn("system", prompts.transcribe(INFO))
        question(conversation, heard)
        said = [*names.encode_plain(clip["text"]), names.im_end]
        answer(conversation, Sequential(names.audio_start, names.im_end), said, np.zeros((0, 8)))
        compare(conversation, sampler.build.transcribe(heard, clip["text"]))
        compared += 1
    for _ in range(count):
        turns, conversation = [], Conversation(names)
        conversation.turn("system", prompts.CHAT)
        for turn in next(sampler.conversations):
            if turn.reply.id not in sampler.answers:
                break
            clip = sampler.answers[turn.reply.id]
            voiced = sampler.asked.get(turn.line.id) if len(turns) % 2 == 0 else None
            asked = sampler.heard(voiced) if voiced else turn.line.text
            rows = sampler.store.rows(clip)
            question(conversation, asked)
            said = [*names.encode_plain(clip["text"]), names.text_end, names.im_end]
            schedule = Interleaved(N_TEXT, N_AUDIO, names.text_end, names.im_end)
            answer(conversation, schedule, said, np.vstack([codes[rows], ENDED]))
            content = asked if isinstance(asked, Heard) else sampler.build.texts(asked)[0]
            turns.append((content, clip["text"], rows, sampler.store.said(clip)))
        if turns:
            compare(conversation, sampler.build.converse(turns))
            if not isinstance(turns[0][0], Heard):
                begun = sampler.build.look_up(*turns[0][:3])
                assert fed(conversation.segments)[: begun.length] == laid(begun, codes), "what is looked up differs"
            compared += 1
    return compared


def check_mel(sampler: Sampler) -> float:
    """The largest difference of a log-mel value from the engine's, for clips of different lengths in one batch."""
    config = MelConfig.from_dict(config_json(POCKET)["preprocessor"])
    clips = [sampler.heard(c) for c in sampler.to_hear[:6]]
    rows = (torch.tensor([getattr(c, n) for c in clips]) for n in ("start", "length", "speed", "lead", "total"))
    how = Renderings(max(c.total for c in clips), *rows)
    store = torch.from_numpy(sampler.store.samples)
    ours, lengths = LogMel(config, torch.device("cpu"))(rendered(store, how), how.total)
    worst = 0.0
    for row, clip in enumerate(clips):
        wave = np.zeros(clip.total, np.float32)
        sound = sampler.store.samples[clip.start : clip.start + clip.length - 1] / 32768
        wave[: len(sound)] = sound
        theirs = log_mel(wave, config)
        assert len(theirs) == lengths[row] and not ours[row, len(theirs) :].any()
        worst = max(worst, float(np.abs(ours[row, : len(theirs)].numpy() - theirs).max()))
    assert worst < 2e-3, f"log-mels differ by {worst}"
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    args = parser.parse_args()
    sampler = Sampler(Store(args.pack), "train", Mix(), seed=1, vary=False)
    print(f"{len(sampler.to_speak)} clips to say, {len(sampler.to_hear)} to hear, {len(sampler.asked)} questions to hear")
    wanted = {c["id"] for c in sampler.store.clips.values() if c["file"].startswith("replies/")}
    print(f"{len(sampler.answers)} of {len(wanted)} spoken answers have a take whose words are never late")
    print(f"{check_sequences(sampler, args.count)} sequences as the engine feeds them")
    print(f"log-mel as the engine's to {check_mel(sampler):.1e}")


if __name__ == "__main__":
    main()
