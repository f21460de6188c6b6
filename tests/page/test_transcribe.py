"""The Transcribe tab: files in any number, their states, their words, and examples that can be checked."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from lfm.audio import Audio
from lfm.pieces import cut_sound
from lfm.ui.examples import Example, examples, word_error_rate
from lfm.ui.transcribe import Transcribe
from tests.fake_engine import LFM25, RATE, TEXT, FakeEngine, tone
from tests.page.conftest import open_tab


def words(page: Page) -> str:
    return page.locator("#words textarea").input_value()


def test_files_are_transcribed_and_a_bad_one_does_not_stop_the_rest(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str], tmp_path: Path
) -> None:
    bad = tmp_path / "notes.wav"
    bad.write_text("no sound here")
    page = visit()
    open_tab(page, "Transcribe")
    page.set_input_files("#drop input[type=file]", [wav("a.wav", 2), str(bad), wav("b.wav", 3)])
    rows = page.locator("#files li")
    expect(rows.nth(0).locator(".state")).to_have_text("Done")
    expect(rows.nth(0).locator(".length")).to_have_text("0:02")
    expect(rows.nth(1).locator(".state")).to_have_text("Failed")
    expect(rows.nth(1)).to_contain_text("Could not read notes.wav")
    expect(rows.nth(2)).to_contain_text("Done")
    expect(rows.nth(3).locator(".state")).to_have_text("2 of 3 done")
    assert words(page).startswith("a.wav\nStart early")
    assert "\n\nb.wav\nStart early" in words(page)
    expect(page.locator("#transcript .figures")).to_have_text(re.compile(r"5 s done in \d+\.\d s, [\d.]+ times real time"))
    with page.expect_download() as download:
        page.get_by_text("Save as text").click()
    assert download.value.suggested_filename == "transcripts.txt"
    download.value.save_as(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == words(page) + "\n"
    rows.nth(2).locator(".pick").click()
    expect(page.locator("#transcript .top h2")).to_have_text("b.wav")
    expect(page.locator("#words textarea")).to_have_value(re.compile("^Start early"))


def test_what_is_picked_as_the_work_ends_stays_picked(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, go_on = Transcribe.work, threading.Event()

    def held_up(self: Transcribe, *about: Any) -> Iterator[Any]:
        yield from work(self, *about)
        go_on.wait(10)

    monkeypatch.setattr(Transcribe, "work", held_up)
    page = visit()
    open_tab(page, "Transcribe")
    page.set_input_files("#drop input[type=file]", [wav("a.wav", 2), wav("b.wav", 2)])
    expect(page.locator("#transcript .figures")).to_contain_text("4 s done")
    page.locator("#files li").nth(1).locator(".pick").click()
    page.wait_for_timeout(300)
    go_on.set()
    page.wait_for_timeout(500)  # for what comes at the end
    expect(page.locator("#transcript .top h2")).to_have_text("b.wav")


def test_states_of_several_files_and_one_that_comes_later(visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]) -> None:
    engine.speed, engine.sound = 1.5, tone(3 * RATE)
    page = visit()
    open_tab(page, "Transcribe")
    rows = page.locator("#files li")
    page.set_input_files("#drop input[type=file]", [wav("long.wav", 40), wav("b.wav", 2)])
    expect(rows.nth(0)).to_contain_text(re.compile(r"Transcribing \d+ %"))
    expect(rows.nth(0).get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"\d+"))
    expect(rows.nth(1)).to_contain_text("Waiting")
    expect(page.locator("#transcript .figures")).to_have_text(re.compile(r"\d+ of 40 s done"))
    expect(page.locator("#checked")).to_contain_text("parts of at most 30 s")
    page.set_input_files("#drop input[type=file]", wav("c.wav", 2))
    expect(rows.nth(2)).to_contain_text("Waiting")
    engine.speed = 0
    for row in range(3):
        expect(rows.nth(row)).to_contain_text("Done")
    assert [reason for reason, _ in engine.ended] == ["end"] * 3
    engine.model, engine.speed = replace(LFM25, longest=8), 1.5  # it is said of the file that is shown: once all are done, of none
    page.set_input_files("#drop input[type=file]", wav("d.wav", 20))
    expect(page.locator("#checked")).to_contain_text("parts of at most 8 s")
    engine.speed = 0
    expect(rows.nth(3)).to_contain_text("Done")


def test_stop_keeps_what_was_heard_and_a_file_can_be_tried_again(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]
) -> None:
    engine.speed, engine.sound = 1.0, tone(20 * RATE)
    page = visit()
    open_tab(page, "Transcribe")
    page.set_input_files("#drop input[type=file]", [wav("long.wav", 30), wav("b.wav", 2)])
    expect(page.locator("#words textarea")).to_have_value(re.compile("^Start early in.*(?<!water)$"))
    expect(page.locator("#player .state")).to_have_text("Transcribing")
    page.click("#player .stop")
    rows = page.locator("#files li")
    expect(rows.nth(0)).to_contain_text("Stopped")
    expect(rows.nth(1)).to_contain_text("Stopped")
    assert [reason for reason, _ in engine.ended] == ["cancelled"]
    assert words(page).startswith("Start early in")
    engine.speed, engine.sound = 0, tone(2 * RATE)
    rows.nth(1).get_by_role("button", name="Try b.wav again").click()
    expect(rows.nth(1)).to_contain_text("Done")
    expect(rows.nth(0)).to_contain_text("Stopped")
    page.get_by_role("button", name="Clear the list").click()
    expect(rows).to_have_count(0)
    expect(page.locator("#transcript .empty")).to_be_visible()


def test_a_recording_is_transcribed(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Transcribe")
    page.click("#record-button .record")
    expect(page.locator("#record-button .clock")).to_have_text("0:01")
    page.click("#record-button .record")
    expect(page.locator("#words textarea")).to_have_value("Start early in Alfama before the trams fill up and take the ferry")
    expect(page.locator("#files li")).to_contain_text("Recording 1")
    heard: Any = engine.asked[0]["audio"]
    assert heard.seconds > 0.9


def test_an_example_shows_what_was_said_and_the_error_rate(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Transcribe")
    example = examples()[0]
    page.get_by_role("button", name=example.label).click()
    expect(page.locator("#checked")).to_contain_text(example.text)
    rate = 100 * word_error_rate(example.text, " ".join(TEXT.split()[:13]))
    assert rate > 50
    expect(page.locator("#checked .rate")).to_have_text(f"Word error rate {rate:.1f} %")
    heard: Any = engine.asked[0]["audio"]
    assert heard.seconds == pytest.approx(soundfile.info(example.path).duration)
    row = page.locator("#files li")
    row.locator(".play").click()
    expect(row.locator(".play")).to_have_attribute("aria-label", f"Pause {example.title}")
    expect(page.locator("#player .state")).to_have_text("Playing")
    page.keyboard.press("Escape")
    expect(row.locator(".play")).to_have_attribute("aria-label", f"Play {example.title}")


def test_copy_says_that_it_has(visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]) -> None:
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
    open_tab(page, "Transcribe")
    page.set_input_files("#drop input[type=file]", wav("a.wav", 2))
    expect(page.locator("#files li")).to_contain_text("Done")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator("#transcript .copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == words(page)
    expect(page.locator("#transcript .copy")).to_have_text("Copy")


def test_the_error_rate_counts_words_and_not_their_spelling() -> None:
    assert word_error_rate("Thirty-six plus five.", "thirty six, plus FIVE") == 0
    assert word_error_rate("a b c d", "a x c") == 0.5
    assert word_error_rate("a b", "") == 1
    assert word_error_rate("a", "a b c") == 2


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
def test_examples_are_small_and_short_enough_for_one_piece(example: Example) -> None:
    assert example.path.stat().st_size <= 150_000
    samples, rate = soundfile.read(example.path)
    assert np.abs(samples).max() > 0.1
    assert len(cut_sound(Audio(samples, rate))) == 1
