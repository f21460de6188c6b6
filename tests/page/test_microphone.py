"""The record button: hold it, or press it twice; what it heard is what the engine gets; where there is no microphone, why."""

from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

from tests.fake_engine import FakeEngine
from tests.page.conftest import ENDED, MICROPHONE_HZ, say, until

DENY = "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }; }"


def test_one_press_and_one_release_make_a_turn(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.hover("#talk-button .record")
    page.mouse.down()
    expect(page.locator("#talk-button .word")).to_have_text("Release to send")
    expect(page.locator("#player .state")).to_have_text("Listening")
    expect(page.locator("#player .stop .word")).to_have_text("Cancel")
    page.wait_for_timeout(1500)
    page.mouse.up()
    until(lambda: engine.asked)
    heard: Any = engine.asked[0]["audio"]
    assert 1.0 < heard.seconds < 3.0
    spectrum = np.abs(np.fft.rfft(heard.samples))
    assert abs(np.fft.rfftfreq(len(heard.samples), 1 / heard.sample_rate)[spectrum.argmax()] - MICROPHONE_HZ) < 30
    expect(page.locator("#chat .question sound-strip")).to_be_visible()
    expect(page.locator("#chat .answer")).to_contain_text("Start early")
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


def test_a_question_is_spoken_about_an_attached_file(visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]) -> None:
    page = visit()
    page.set_input_files("#box input[type=file]", wav("talk.wav", 2.0))
    page.wait_for_selector("#box .thumbnails")
    page.click("#talk-button .record")
    expect(page.locator("#talk-button .clock")).to_have_text("0:01")
    page.click("#talk-button .record")
    until(lambda: engine.asked)
    heard: Any = engine.asked[0]["audio"]
    assert heard.seconds > 2.0 + 0.5 + 0.9
    page.wait_for_function(ENDED)


def test_cancel_throws_a_recording_away(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.click("#talk-button .record")
    expect(page.locator("#player .stop .word")).to_have_text("Cancel")
    page.click("#player .stop")
    expect(page.locator("#talk-button .word")).to_have_text("Hold to talk")
    page.wait_for_timeout(300)
    assert not engine.asked


def test_too_little_is_not_sent_but_explained(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.click("#talk-button .record")
    expect(page.locator("#talk-button .word")).to_have_text("Release to send")
    page.click("#talk-button .record")
    notice = page.locator("#talk-button .notice")
    expect(notice).to_contain_text("s of speech")
    expect(notice).to_contain_text("Hold the button while you talk, and let go when you are done.")
    expect(notice.get_by_role("button", name="Try again")).to_have_count(0)
    assert not engine.asked


def test_a_blocked_microphone_is_explained_typing_works_and_trying_again_helps(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.evaluate("() => { window.allowed = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices); }")
    page.evaluate(DENY)
    page.click("#talk-button .record")
    notice = page.locator("#talk-button .notice")
    expect(notice).to_contain_text("The browser is blocking the microphone")
    expect(page.locator("#player .state")).to_have_text("Microphone blocked")
    box, button = notice.bounding_box(), page.locator("#talk-button .record").bounding_box()
    assert box and button
    assert 0 <= button["y"] - (box["y"] + box["height"]) < 20, "the notice does not stand right above the button"
    say(page, "Then I type.")
    expect(page.locator("#chat .answer")).to_contain_text("Start early")
    page.wait_for_function(ENDED)
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = window.allowed; }")
    notice.get_by_role("button", name="Try again").click()
    expect(page.locator("#talk-button .word")).to_have_text("Release to send")
    expect(notice).to_be_hidden()
    page.keyboard.press("Escape")


def test_a_page_over_http_says_why_there_is_no_microphone(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    # Chromium takes this computer for secure under every name, so the answer of the browser is put in its place.
    page.evaluate("() => { Object.defineProperty(window, 'isSecureContext', { value: false }); }")
    page.evaluate("() => { Object.defineProperty(navigator, 'mediaDevices', { value: undefined }); }")
    page.click("#talk-button .record")
    notice = page.locator("#talk-button .notice")
    expect(notice).to_contain_text("This page was opened over http")
    expect(notice).to_contain_text("Open http://localhost:")


def test_the_space_bar_holds_the_button(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.mouse.click(640, 300)
    page.keyboard.down(" ")
    expect(page.locator("#talk-button .clock")).to_have_text("0:01")
    page.keyboard.up(" ")
    until(lambda: engine.asked)
    page.wait_for_function(ENDED)
