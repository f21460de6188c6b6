"""The record button: hold it, or press it twice; what it heard is what the engine gets."""

from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

from tests.fake_engine import FakeEngine
from tests.page.conftest import ENDED, MICROPHONE_HZ, say, until


def test_a_held_button_sends_what_the_microphone_heard(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.hover("#talk-button .record")
    page.mouse.down()
    expect(page.locator("#talk-button .word")).to_have_text("Release to send")
    expect(page.locator("#player .state")).to_have_text("Listening")
    page.wait_for_timeout(1500)
    page.mouse.up()
    until(lambda: engine.asked)
    heard: Any = engine.asked[0]["audio"]
    assert 1.0 < heard.seconds < 3.0
    spectrum = np.abs(np.fft.rfft(heard.samples))
    assert abs(np.fft.rfftfreq(len(heard.samples), 1 / heard.sample_rate)[spectrum.argmax()] - MICROPHONE_HZ) < 30
    expect(page.locator("#chat .user-row .minimal-audio-player")).to_be_visible()
    expect(page.locator("#chat .bot-row")).to_contain_text("Start early")
    page.wait_for_function(ENDED)


def test_a_short_press_records_until_the_next_and_takes_typed_words_along(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.fill("#box textarea", "In one sentence:")
    page.click("#talk-button .record")
    expect(page.locator("#talk-button .clock")).to_have_text("0:01")
    page.click("#talk-button .record")
    until(lambda: engine.asked)
    assert engine.asked[0]["text"] == "In one sentence:"
    assert engine.asked[0]["audio"] is not None
    expect(page.locator("#box textarea")).to_have_value("")
    page.wait_for_function(ENDED)


def test_cancel_throws_a_recording_away(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.click("#talk-button .record")
    expect(page.locator("#player .stop .word")).to_have_text("Cancel")
    page.click("#player .stop")
    expect(page.locator("#talk-button .word")).to_have_text("Hold to talk")
    page.wait_for_timeout(300)
    assert not engine.asked


def test_a_blocked_microphone_is_explained_and_typing_still_works(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }; }")
    page.click("#talk-button .record")
    expect(page.locator("#talk-button .notice")).to_contain_text("The browser is blocking the microphone")
    expect(page.locator("#player .state")).to_have_text("Microphone blocked")
    say(page, "Then I type.")
    expect(page.locator("#chat .bot-row")).to_contain_text("Start early")
    page.wait_for_function(ENDED)


def test_the_space_bar_holds_the_button(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.mouse.click(640, 250)
    page.keyboard.down(" ")
    expect(page.locator("#talk-button .clock")).to_have_text("0:01")
    page.keyboard.up(" ")
    until(lambda: engine.asked)
    page.wait_for_function(ENDED)
