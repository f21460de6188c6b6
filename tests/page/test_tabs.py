"""The other tabs, the head, and how all of it looks."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from lfm.status import Status
from lfm.ui.speak import DESCRIPTIONS
from tests.fake_engine import LFM2, LFM25, RATE, FakeEngine, tone
from tests.page.conftest import ENDED, until


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_files_are_transcribed_and_a_bad_one_does_not_stop_the_rest(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str], tmp_path: Path
) -> None:
    bad = tmp_path / "notes.wav"
    bad.write_text("no sound here")
    page = visit()
    open_tab(page, "Transcribe")
    page.set_input_files("#drop input[type=file]", [wav("a.wav", 2), str(bad), wav("b.wav", 3)])
    rows = page.locator("#files li")
    expect(rows.nth(0)).to_contain_text("Done")
    expect(rows.nth(1)).to_contain_text("Could not read notes.wav")
    expect(rows.nth(2)).to_contain_text("Done")
    text = page.locator("#transcript textarea").input_value()
    assert text.startswith("a.wav\nStart early")
    assert "\n\nb.wav\nStart early" in text
    expect(page.locator("#transcript-head .figures")).to_contain_text("5.0 s of sound in")
    with page.expect_download() as download:
        page.get_by_text("Save as text").click()
    download.value.save_as(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text().strip() == text.strip()


def test_words_appear_while_a_file_is_still_being_heard_and_stop_keeps_them(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]
) -> None:
    engine.speed, engine.sound = 1.0, tone(20 * RATE)
    page = visit()
    open_tab(page, "Transcribe")
    page.set_input_files("#drop input[type=file]", wav("long.wav", 30))
    expect(page.locator("#transcript textarea")).to_have_value(re.compile("^Start early in.*(?<!water)$"))
    expect(page.locator("#player .state")).to_have_text("Transcribing")
    expect(page.locator("#files li")).to_contain_text("Transcribing ")
    page.click("#player .stop")
    expect(page.locator("#files li")).to_contain_text("Stopped")
    assert [reason for reason, _ in engine.ended] == ["cancelled"]
    assert page.locator("#transcript textarea").input_value().startswith("Start early in")


def test_a_recording_is_transcribed(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Transcribe")
    page.click("#record-button .record")
    expect(page.locator("#record-button .clock")).to_have_text("0:01")
    page.click("#record-button .record")
    expect(page.locator("#transcript textarea")).to_have_value("Start early in Alfama before the trams fill up and take the ferry")
    heard: Any = engine.asked[0]["audio"]
    assert heard.seconds > 0.9


def test_speak_plays_and_then_offers_the_same_sound_as_a_file(visit: Callable[..., Page], engine: FakeEngine, tmp_path: Path) -> None:
    engine.speed, engine.sound = 3.0, tone(2 * RATE)
    page = visit()
    open_tab(page, "Speak")
    page.fill("#say textarea", "Good morning.")
    page.get_by_label("UK female").check()
    page.get_by_label("Mimi").check()
    page.fill("#seed input", "42")
    page.click("#speak-button")
    page.wait_for_function("window.__player.run.firstSound")
    playing_before_done = not engine.ended
    page.wait_for_function(ENDED)
    assert playing_before_done
    asked: Any = engine.asked[0]
    assert (asked["text"], asked["voice"], asked["options"].decoder, asked["options"].seed) == ("Good morning.", "UK female", "Mimi", 42)
    expect(page.locator("#take-head")).to_contain_text("UK female, Mimi · seed 42")
    with page.expect_download() as download:
        page.locator("#take [aria-label=Download]").click()
    download.value.save_as(tmp_path / "take.wav")
    pcm, rate = soundfile.read(tmp_path / "take.wav", dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(pcm, engine.sound)


def test_controls_follow_the_model(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    expect(page.locator("#voice")).to_be_visible()
    engine.model = LFM2
    expect(page.locator("#describe")).to_be_visible()
    expect(page.locator("#voice")).to_have_count(0)
    expect(page.get_by_text("Detokenizer")).to_be_hidden()
    page.get_by_role("button", name="Storyteller").click()
    expect(page.locator("#describe textarea")).to_have_value(DESCRIPTIONS["Storyteller"])
    page.click("#speak-button")
    page.wait_for_function(ENDED)
    asked: Any = engine.asked[0]
    assert (asked["voice"], asked["options"].decoder) == (DESCRIPTIONS["Storyteller"], "Mimi")
    engine.model = LFM25
    expect(page.locator("#voice")).to_be_visible()


def test_the_pill_says_how_the_model_is(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    for status, words in [
        (Status(state="downloading", wanted="a/b", done_bytes=1_200_000_000, total_bytes=2_900_000_000), "Downloading 1.2 of 2.9 GB"),
        (Status(state="loading", wanted="LiquidAI/LFM2-Audio-1.5B"), "LoadingLFM2-Audio-1.5B"),
        (Status(state="busy", model=LFM25, waiting=2), "Busy, 2 waitingLFM2.5-Audio-1.5B · bfloat16 · 2.9 GB"),
        (Status(state="failed", wanted="a/b", error="a/b is not there. Check the name."), "Needs attention"),
    ]:
        engine.state = status
        expect(page.locator(".pill")).to_contain_text(words)
        if status.error:
            expect(page.locator("#trouble [role=alert]")).to_contain_text(status.error)
    engine.state = None
    engine.model = replace(LFM25, name="random", noise=True)
    expect(page.locator(".pill")).to_contain_text("Readyrandom")
    expect(page.locator("#trouble")).to_contain_text("it answers with noise")


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}], ids=["desktop", "dark", "phone"])
def test_every_tab_fits_its_window(visit: Callable[..., Page], engine: FakeEngine, look: dict[str, Any], tmp_path: Path) -> None:
    page = visit(**look)
    until(lambda: page.locator(".pill").inner_text().startswith("Ready"))
    for tab in ("Talk", "Transcribe", "Speak", "About"):
        open_tab(page, tab)
        picture = tmp_path / f"{tab}.png"
        page.screenshot(path=picture)
        assert picture.stat().st_size > 5000
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{tab} is wider than the window"
        covered = page.evaluate(
            "[...document.querySelectorAll('button, textarea')].filter(e => e.checkVisibility() && !e.closest('#player'))"
            ".filter(e => { const r = e.getBoundingClientRect(); return r.width && (r.left < 0 || r.right > innerWidth + 1); }).length"
        )
        assert covered == 0, f"{covered} controls of {tab} stand outside the window"
    open_tab(page, "Talk")
    bar = page.locator("#player").bounding_box()
    for control in ("#talk-button .record", "#box"):
        box = page.locator(control).bounding_box()
        assert bar and box
        assert box["y"] + box["height"] <= bar["y"], f"{control} is under the player bar"
