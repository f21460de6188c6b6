"""Hands-free: when someone speaks is decided in the browser, and the page holds a conversation by itself."""

import base64
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.fake_engine import RATE, FakeEngine, tone
from tests.page.conftest import ENDED, player, utterance

DETECT = """(base64) => {
    const samples = new Float32Array(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)).buffer);
    const detector = new lfm.SpeechDetector(16000), found = [];
    for (let at = 0; at + 320 <= samples.length; at += 320) {
        const heard = detector.hear(samples.subarray(at, at + 320));
        if (heard === "start") found.push([at / 16000, null]);
        if (heard === "end") found.at(-1)[1] = detector.said.length * 0.02;
    }
    return found;
}"""


def detected(page: Page, sound: np.ndarray) -> list[list[float]]:
    """When each utterance was noticed, and how many seconds of it were kept."""
    return page.evaluate(DETECT, base64.b64encode(sound.astype(np.float32).tobytes()).decode())


def room(seconds: float, loudness: float) -> np.ndarray:
    return loudness * np.random.default_rng(1).normal(size=int(16_000 * seconds))


@pytest.mark.parametrize("loudness", [0.0, 0.0005, 0.004])
def test_each_utterance_is_found_whole_in_a_quiet_and_in_a_loud_room(visit: Callable[..., Page], loudness: float) -> None:
    page = visit()
    sound = np.concatenate([np.zeros(16_000), *[utterance(16_000, spoken, 1.5) for spoken in (1.2, 0.5, 3.0)]])
    found = detected(page, sound + room(len(sound) / 16_000, loudness))
    begun = (1.0, 1.0 + 2.7, 1.0 + 2.7 + 2.0)
    assert [abs(start - at) < 0.5 for (start, _), at in zip(found, begun, strict=True)] == [True] * 3, found
    assert [spoken < kept < spoken + 0.8 for (_, kept), spoken in zip(found, (1.2, 0.5, 3.0), strict=True)] == [True] * 3, found


def test_a_room_that_hums_and_a_key_that_clicks_are_not_speech(visit: Callable[..., Page]) -> None:
    page = visit()
    hum = 0.02 * np.sin(2 * np.pi * 50 * np.arange(16_000 * 8) / 16_000) + room(8, 0.003)
    clicks = np.zeros(16_000 * 8)
    for at in range(8_000, 120_000, 9_000):
        clicks[at : at + 480] = room(0.03, 0.2)
    assert detected(page, hum) == []
    assert detected(page, clicks + room(8, 0.0005)) == []


def test_a_pause_for_breath_does_not_end_an_utterance(visit: Callable[..., Page]) -> None:
    page = visit()
    halves = np.concatenate([np.zeros(8_000), utterance(16_000, 1.0, 0.4), utterance(16_000, 1.0, 1.5)])
    assert len(detected(page, halves + room(len(halves) / 16_000, 0.0005))) == 1


def test_three_turns_are_held_unaided(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.sound = tone(RATE)
    page = visit()
    page.get_by_role("switch", name="Hands-free").check()
    expect(page.locator("#player .state")).to_have_text("Listening")
    expect(page.locator("#player .hint")).to_have_text("Pause when you are done")
    expect(page.locator("#talk-button .word")).to_have_text("Mute")
    expect(page.locator("#player .stop .word")).to_have_text("End")
    expect(page.locator("#chat .answer:not([aria-busy])")).to_have_count(3, timeout=30_000)
    heard: Any = [one["audio"] for one in engine.asked if one["task"] == "chat"]
    assert 1.2 <= heard[0].seconds < 2.2
    assert all(0.4 <= audio.seconds < 2.2 for audio in heard)  # the microphone talks on while the page speaks, which is not heard
    runs = page.evaluate("window.__player.runs.map((run) => [run.began, run.ended])")
    assert all(began > ended for (_, ended), (began, _) in pairwise(runs) if ended), "it listened while it spoke"
    page.locator("#player .stop").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("switch", name="Hands-free")).not_to_be_checked()
    expect(page.locator("#talk-button .word")).to_have_text("Hold to talk")


def test_mute_is_deaf_stop_goes_on_listening_and_end_ends(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 2.0, tone(20 * RATE)
    page = visit()
    page.get_by_role("switch", name="Hands-free").check()
    expect(page.locator("#player .state")).to_have_text("Speaking", timeout=15_000)
    expect(page.locator("#player .stop .word")).to_have_text("Stop")
    page.click("#talk-button .record")
    expect(page.locator("#talk-button .word")).to_have_text("Unmute")
    page.click("#player .stop")
    expect(page.locator("#player .state")).to_have_text("Muted")
    asked = len(engine.asked)
    page.wait_for_timeout(3500)
    assert len([one for one in engine.asked[asked:] if one["task"] == "chat"]) == 0
    page.click("#talk-button .record")
    expect(page.locator("#player .state")).to_have_text("Listening")
    page.keyboard.press("Escape")
    expect(page.get_by_role("switch", name="Hands-free")).not_to_be_checked()


def test_with_headphones_one_may_interrupt(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 1.5, tone(20 * RATE)
    page = visit()
    page.get_by_role("switch", name="Hands-free").check()
    page.get_by_role("switch", name="Let me interrupt").check()
    expect(page.locator("#player .state")).to_have_text("Speaking", timeout=15_000)
    first = player(page)["id"]
    page.wait_for_function(f"window.__player.run.id > '{first}'", timeout=15_000)
    assert engine.ended[0][0] == "cancelled"
    page.get_by_role("switch", name="Hands-free").uncheck()
    page.get_by_role("tab", name="About").click()
    page.keyboard.press("Escape")
    page.wait_for_function(ENDED)


def test_nobody_listens_on_a_page_that_shows_something_else(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.get_by_role("switch", name="Hands-free").check()
    expect(page.locator("#player .state")).to_have_text("Listening")
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#player .state")).to_have_text("Ready")
    page.get_by_role("tab", name="Talk").click()
    expect(page.get_by_role("switch", name="Hands-free")).not_to_be_checked()


def test_a_blocked_microphone_ends_hands_free_with_a_notice(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }; }")
    page.get_by_role("switch", name="Hands-free").click()
    expect(page.locator("#talk-button .notice")).to_contain_text("The browser is blocking the microphone")
    expect(page.get_by_role("switch", name="Hands-free")).not_to_be_checked()
    expect(page.locator("#player .state")).to_have_text("Microphone blocked")
