"""The player in a real browser: soon, without a gap, every sample, silent at once, and honest when the machine is slow."""

import time
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, expect

from lfm.ui import figures
from tests.fake_engine import FRAME, RATE, FakeEngine, tone
from tests.page.conftest import ENDED, player, say, until
from tests.page.tap import heard, listen


def noise(seconds: int) -> np.ndarray:
    """No sample of it is 0."""
    rng = np.random.default_rng(5)
    return (rng.integers(1, 9000, seconds * RATE) * np.where(rng.random(seconds * RATE) < 0.5, -1, 1)).astype(np.int16)


def test_a_minute_is_played_without_a_gap_sample_for_sample(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 1.6, noise(60)
    page = visit()
    listen(page)
    say(page, "Make some noise.")
    expect(page.locator("#player .state")).to_have_text("Speaking")
    page.wait_for_function(ENDED, timeout=90_000)
    page.wait_for_timeout(200)
    assert player(page)["underruns"] == 0
    samples = heard(page).samples
    # The browser places each piece by a time in seconds, and the rounding of that leaves less than a millionth of a step.
    np.testing.assert_array_equal(np.rint(samples), engine.sound)
    np.testing.assert_allclose(samples, engine.sound, atol=1e-5, rtol=0)
    expect(page.locator("#player .speed")).to_have_text(figures.times_real_time(engine.stats))
    expect(page.locator("#player .state")).to_have_text("Ready")


def test_the_page_adds_less_than_a_quarter_of_a_second_to_the_first_sound(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.prefill, engine.speed, engine.sound = 0.3, 2.0, tone(RATE)
    own = engine.prefill + FRAME / RATE / engine.speed  # when the engine has its first chunk
    page = visit()
    overheads = []
    for words in ("One", "Two", "Three", "Four", "Five"):
        say(page, words)
        page.wait_for_function(f"window.__player.runs.length > {len(overheads)} && {ENDED}")
        run = player(page)
        overheads.append(run["firstSound"] - run["began"] - own)
        expect(page.locator("#chat .answer .tools")).to_have_count(len(overheads))
    assert min(overheads) > 0, "the page cannot be faster than the engine: the times are wrong"
    assert sorted(overheads)[2] <= 0.25, overheads
    shown = page.locator("#player .first").inner_text().split()
    assert shown[:2] == ["First", "sound"] and abs(int(shown[2]) - 1000 * (overheads[-1] + own)) <= 1


def test_stop_is_silence_within_150_ms(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 2.0, noise(20)
    page = visit()
    listen(page)
    say(page, "Tell me everything.")
    page.wait_for_function("window.__player.run.firstSound && window.__player.run.received > 24000")
    asked = time.time()
    stopped = page.evaluate("document.querySelector('#player .stop').click(), window.__player.context.currentTime")
    expect(page.locator("#player .state")).to_have_text("Stopped")
    expect(page.locator("#player .hint")).to_have_text("What was said is kept")
    until(lambda: engine.ended)
    assert engine.ended[-1][0] == "cancelled"
    assert engine.ended[-1][1] - asked < 0.6
    page.wait_for_timeout(500)
    times = heard(page).times
    assert times.max() > stopped - 0.2, "nothing was heard before Stop"
    assert times.max() - stopped <= 0.15
    assert player(page)["nodes"] == 0
    expect(page.locator("#chat .answer")).to_contain_text("Start early")
    expect(page.locator("#chat .answer .note")).to_have_text("Stopped")
    expect(page.locator("#chat .answer sound-strip")).to_be_visible()


def test_escape_stops_a_long_silent_prefill(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.prefill = 30.0
    page = visit()
    say(page, "Think about it.")
    expect(page.locator("#player .state")).to_have_text("Thinking")
    until(lambda: engine.status.state == "busy")
    page.keyboard.press("Escape")
    until(lambda: engine.ended, 1.0)
    assert engine.ended[-1][0] == "cancelled"
    expect(page.locator("#chat .answer .note")).to_have_text("No answer")


def test_a_new_question_ends_the_running_answer(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 1.5, tone(20 * RATE)
    page = visit()
    say(page, "One")
    expect(page.locator("#chat .answer")).to_contain_text("Start early")
    first = player(page)["id"]
    engine.speed, engine.sound = 0.0, tone(RATE)
    say(page, "Two")
    page.wait_for_function(f"window.__player.run.id > '{first}' && {ENDED}")
    assert [reason for reason, _ in engine.ended] == ["cancelled", "end"]
    assert player(page)["scheduled"] == RATE
    expect(page.locator("#chat .answer sound-strip")).to_have_count(2)


def test_a_slow_machine_says_when_it_will_play_and_then_plays_all_of_it(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 0.6, tone(5 * RATE)
    page = visit()
    say(page, "Slowly")
    expect(page.locator("#player .state")).to_have_text("Slower than real time")
    seconds: list[int] = []
    while page.locator("#player .state").inner_text() != "Speaking":
        hint = page.locator("#player .hint").inner_text()
        seconds += [int(hint.split()[-2])] if hint.endswith(" s") else []
        page.wait_for_timeout(100)
    assert max(seconds) <= 8 and seconds[-1] < max(seconds), seconds
    page.wait_for_function(ENDED, timeout=15_000)
    run = player(page)
    assert run["underruns"] <= 1
    assert run["scheduled"] == len(engine.sound)
    assert run["firstSound"] > run["firstChunk"] + 1.0


def test_one_late_piece_is_caught_up_with(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound, engine.hiccup = 1.6, tone(4 * RATE), (1.0, 1.5)
    page = visit()
    say(page, "Stumble")
    expect(page.locator("#player .state")).to_have_text("Speaking")
    expect(page.locator("#player .state")).to_have_text("Catching up")
    expect(page.locator("#player .state")).to_have_text("Speaking")
    page.wait_for_function(ENDED)
    run = player(page)
    assert (run["underruns"], run["scheduled"]) == (1, len(engine.sound))


def test_a_finished_sound_is_played_again_sought_in_and_stopped_by_escape(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.sound = tone(4 * RATE)
    page = visit()
    say(page, "Hello")
    expect(page.locator("#chat .answer sound-strip .time")).to_have_text("0:04")
    page.keyboard.press("Escape")
    strip = page.locator("#chat .answer sound-strip")
    strip.locator(".play").click()
    expect(page.locator("#player .state")).to_have_text("Playing")
    position = strip.get_by_role("slider", name="Position in answer 1")
    until(lambda: float(position.get_attribute("aria-valuenow") or 0) > 0.3)
    position.press("End")
    until(lambda: float(position.get_attribute("aria-valuenow") or 0) == 0.0)  # at the end it stops and goes back
    expect(strip.get_by_role("button", name="Play answer 1")).to_be_visible()
    box = position.bounding_box()
    assert box
    position.click(position={"x": box["width"] / 2, "y": 10})
    assert abs(float(position.get_attribute("aria-valuenow") or 0) - 2.0) < 0.2
    strip.locator(".play").click()
    expect(page.locator("#player .stop")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(strip.get_by_role("button", name="Play answer 1")).to_be_visible()
    expect(page.locator("#player .stop")).to_be_disabled()
