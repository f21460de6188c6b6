"""The schedules against the reference's loops, written out here as they stand there, on many random streams of tokens."""

import random
from collections.abc import Iterator

import pytest

from lfm.schedule import Interleaved, Schedule, Sequential

IM_END, AUDIO_START, TEXT_END = 7, 128, 130
Draw = Iterator[tuple[int, bool]]


def reference_interleaved(draws: Draw, n_text: int, n_audio: int) -> list[str]:
    """liquid_audio 1.3.0, model/lfm2_audio.py, generate_interleaved; the word that ends is listed too."""
    out, modality, left, text_done = [], "text", n_text, False
    for word, ended in draws:
        left -= 1
        if modality == "text":
            out.append(f"word {word}")
            if word == IM_END:
                break
            if word == TEXT_END:
                text_done = True
            if not left or text_done:
                modality, left = "audio", n_audio
        else:
            if not left and not text_done:
                modality, left = "text", n_text
            if ended:
                modality = "text"
            out.append(f"frame {ended}")
    return out


def reference_sequential(draws: Draw) -> list[str]:
    """The same file, generate_sequential."""
    out, modality = [], "text"
    for word, ended in draws:
        if modality == "text":
            out.append(f"word {word}")
            if word == AUDIO_START:
                modality = "audio"
            if word == IM_END:
                break
        else:
            if ended:
                modality = "text"
            out.append(f"frame {ended}")
    return out


def ours(draws: Draw, schedule: Schedule) -> list[str]:
    out = []
    for word, ended in draws:
        if schedule.speaking:
            out.append(f"frame {ended}")
            schedule.after_frame(ended)
        else:
            out.append(f"word {word}")
            schedule.after_word(word)
        if schedule.done:
            break
    return out


def stream(seed: int) -> list[tuple[int, bool]]:
    rng = random.Random(seed)
    words = [IM_END, AUDIO_START, TEXT_END, 300]
    return [(rng.choices(words, [1, 3, 3, 30])[0], rng.random() < 0.1) for _ in range(60)]


@pytest.mark.parametrize(("n_text", "n_audio"), [(6, 12), (6, 9), (1, 1)])
def test_interleaved_is_the_references(n_text: int, n_audio: int) -> None:
    for seed in range(3000):
        draws = stream(seed)
        want = reference_interleaved(iter(draws), n_text, n_audio)
        assert ours(iter(draws), Interleaved(n_text, n_audio, TEXT_END, IM_END)) == want, seed


def test_sequential_is_the_references() -> None:
    for seed in range(3000):
        draws = stream(seed)
        assert ours(iter(draws), Sequential(AUDIO_START, IM_END)) == reference_sequential(iter(draws)), seed
