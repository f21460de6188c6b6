"""What each recipe of `python -m lfm quantize` costs and saves: python tests/recipes.py FOLDER

FOLDER is any checkpoint in the published layout. It speaks a sentence and answers a spoken question, greedily; then the packed weights say
what they would have said at each place of that, in float32. Compared are the logits of both heads, the likeliest tokens, and the sound of
the likeliest codes. To random weights nearly all codes are as likely, so that few bits change many of them.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lfm import checkpoint  # isort: skip  # it loads a fast BLAS, which must come before mlx

import mlx.core as mx
import numpy as np

from lfm import prompts
from lfm.audio import load
from lfm.checkpoint import LoadedModel
from lfm.conversation import Segment, Spoken, Text
from lfm.generate import TokenGenerator, embed
from lfm.meter import Meter
from lfm.options import GREEDY, Options
from lfm.quantize import RECIPES, quantize
from lfm.schedule import Interleaved, Sequential
from lfm.session import Session, hear

WORDS = "Good morning. The first train leaves at ten past seven."
QUESTION = Path(__file__).parents[1] / "assets" / "examples" / "trains.flac"
OPTIONS = Options(audio=GREEDY, max_tokens=60, with_audio=False)


@dataclass(frozen=True)
class Answers:
    """What a model holds likely at each place of what was said."""

    text: np.ndarray  # logits of words, (n, vocabulary)
    frames: np.ndarray  # logits of codes, (n, codebooks, codes)
    sound: np.ndarray  # of the likeliest codes, (n,)

    @property
    def tokens(self) -> np.ndarray:
        """The likeliest words and codes, (n,)."""
        return np.concatenate([self.text.argmax(-1), self.frames.argmax(-1).ravel()])


def said(loaded: LoadedModel) -> Iterator[tuple[list[Segment], int]]:
    """Both ways to answer: the whole conversation, and how many of its segments were asked."""
    config, names = loaded.config, loaded.tokenizer
    voice = loaded.info.voices[0] if loaded.info.voices else "A calm woman."
    speaking = Sequential(names.audio_start, names.im_end)
    talking = Interleaved(config.interleaved_n_text, config.interleaved_n_audio, names.text_end, names.im_end)
    question = hear(load(QUESTION), loaded)
    for words, mel, system, schedule in (
        (WORDS, None, prompts.speak(loaded.info, voice), speaking),
        ("", question, prompts.CHAT, talking),
    ):
        session = Session(loaded, TokenGenerator(loaded.model))
        session.begin(words, mel, system)
        asked = len(session.conversation.segments)
        list(session.answer(schedule, OPTIONS, lambda: False, Meter()))
        yield session.conversation.segments, asked


def answers(loaded: LoadedModel, conversations: list[tuple[list[Segment], int]]) -> Answers:
    """Each token behind those that were said, so that one which differs changes none after it."""
    model, words, frames = loaded.model, [], []
    for segments, asked in conversations:
        hidden = model(embed(model, segments))[0, sum(map(len, segments[:asked])) - 1 :]
        for place, segment in zip(hidden, segments[asked:], strict=False):
            match segment:
                case Text():
                    words.append(np.array(model.text_logits(place)))
                case Spoken(codes):
                    spoken = iter(mx.array(codes[0]))
                    frames.append(np.array(model.frame_and_logits(place, lambda logits, spoken=spoken: next(spoken))[1]))
    codes = mx.minimum(mx.argmax(mx.array(np.stack(frames)), axis=-1), 2047)  # the code after those has no sound
    return Answers(np.stack(words), np.stack(frames), np.array(loaded.decoder().decode(codes[None])[0]))


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square of the difference over that of the value."""
    return float(np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2)))


def main(folder: Path) -> int:
    whole = checkpoint.load(folder, "float32")
    conversations = list(said(whole))
    wanted, size = answers(whole, conversations), (folder / "model.safetensors").stat().st_size
    del whole
    print(f"{'recipe':8} {'size':>6} {'text logits':>12} {'frame logits':>13} {'sound':>8} {'same tokens':>12}")
    print(f"{'as is':8} {100:5.0f}% {0:12.4f} {0:13.4f} {0:8.4f} {100:11.0f}%")
    for recipe in RECIPES:
        with tempfile.TemporaryDirectory() as temporary:
            target = quantize(folder, Path(temporary), recipe)
            found = answers(checkpoint.load(target, "float32"), conversations)
            share = (target / "model.safetensors").stat().st_size / size
        errors = error(found.text, wanted.text), error(found.frames, wanted.frames), error(found.sound, wanted.sound)
        same = np.mean(found.tokens == wanted.tokens)
        print(f"{recipe:8} {100 * share:5.0f}% {errors[0]:12.4f} {errors[1]:13.4f} {errors[2]:8.4f} {100 * same:11.0f}%")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
