"""What is sent to the browser: few messages, every sample, every letter, in order."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from lfm.events import AudioChunk, Done, Event, Progress, TextDelta
from lfm.ui.merge import FRAME, LONGEST, merged

RATE = 24_000
SAMPLES = int(FRAME * RATE)


def frames(count: int, first: int = SAMPLES) -> list[AudioChunk]:
    sound = np.arange(first + (count - 1) * SAMPLES, dtype=np.int16)
    return [AudioChunk(piece, RATE) for piece in np.split(sound, np.arange(first, len(sound), SAMPLES))]


def sound_of(events: list[Event]) -> list[np.ndarray]:
    return [event.pcm for event in events if isinstance(event, AudioChunk)]


@pytest.mark.parametrize("first", [SAMPLES, 1440])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 61])
def test_no_sample_is_lost_or_moved(count: int, first: int) -> None:
    sent = [*frames(count, first), Done("end")]
    got = list(merged(sent))
    np.testing.assert_array_equal(np.concatenate(sound_of(got)), np.concatenate(sound_of(sent)))
    assert got[-1] == Done("end")


def test_first_three_pieces_are_single_frames_and_later_ones_are_long() -> None:
    lengths = [len(pcm) for pcm in sound_of(list(merged(frames(60))))]
    assert lengths[:3] == [SAMPLES] * 3
    assert set(lengths[10:-1]) == {int(LONGEST * RATE)}
    assert len(lengths) < 22


def test_a_player_that_starts_with_two_frames_never_runs_dry_just_above_real_time() -> None:
    """Frame n is made at n * FRAME / speed; a piece arrives with its last frame."""
    speed = 1.25
    made = np.cumsum([len(pcm) for pcm in sound_of(list(merged(frames(100))))]) / RATE
    arrives = made / speed
    started = arrives[1]  # 160 ms in hand
    for before, here in pairwise(range(1, len(made))):
        assert started + made[before] >= arrives[here] - 0.02, f"piece {here} is late"


def test_sound_that_was_held_back_comes_before_what_follows_it() -> None:
    events = list(merged([*frames(8), Progress(1.0, 2.0), *frames(1)]))
    before = events[: events.index(Progress(1.0, 2.0))]
    assert sum(map(len, sound_of(before))) == 8 * SAMPLES
    assert sum(map(len, sound_of(events))) == 9 * SAMPLES


def test_a_change_of_rate_never_mixes_two_sounds() -> None:
    other = AudioChunk(np.ones(100, np.int16), 16_000)
    got = list(merged([*frames(7), other]))
    assert [event.sample_rate for event in got if isinstance(event, AudioChunk)][-1] == 16_000
    np.testing.assert_array_equal(sound_of(got)[-1], other.pcm)


def test_fast_text_is_merged_and_slow_text_is_not_held_back() -> None:
    now = 0.0

    def deltas(every: float) -> Iterator[Event]:
        nonlocal now
        for letter in "abcdefghij":
            yield TextDelta(letter)
            now += every

    def typed(every: float) -> list[Event]:
        return list(merged(deltas(every), clock=lambda: now))

    got = typed(0.02)
    assert len(got) < 6
    assert "".join(event.text for event in got if isinstance(event, TextDelta)) == "abcdefghij"
    assert typed(0.1) == [TextDelta(letter) for letter in "abcdefghij"]


def test_waiting_text_goes_out_before_the_sound_that_follows_it() -> None:
    got = list(merged([TextDelta("a"), TextDelta("b"), *frames(1), TextDelta("c")], clock=lambda: 0.0))
    kinds = [event.text if isinstance(event, TextDelta) else "sound" for event in got]
    assert "".join(kinds).replace("sound", "|") == "ab|c"
