"""The Speak tab: what is asked of the engine, and what becomes of the takes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from lfm.ui.player import Feed, Player
from lfm.ui.speak import COMPARE, DESCRIPTIONS
from tests.fake_engine import LFM2, LFM25, RATE, FakeEngine, tone
from tests.page.conftest import ENDED, kept, open_tab


def speak(page: Page, text: str = "Good morning.") -> None:
    page.fill("#say textarea", text)
    before = page.locator("#takes li:not(.growing)").count()
    page.click("#speak-button")
    page.wait_for_function(f"document.querySelectorAll('#takes li:not(.growing)').length === {before + 1}")


def saved(page: Page, link: Any, folder: Path) -> np.ndarray:
    with page.expect_download() as download:
        link.click()
    download.value.save_as(folder / "take.wav")
    pcm, rate = soundfile.read(folder / "take.wav", dtype="int16")
    assert rate == RATE
    return pcm


def test_speak_plays_while_it_is_made_and_then_offers_the_same_sound_as_a_file(
    visit: Callable[..., Page], engine: FakeEngine, tmp_path: Path
) -> None:
    engine.speed, engine.sound = 3.0, tone(2 * RATE)
    page = visit()
    open_tab(page, "Speak")
    page.fill("#say textarea", "Good morning.")
    page.get_by_label("UK female").check()
    page.get_by_label("Mimi").check()
    page.fill("#seed input", "42")
    page.click("#speak-button")
    expect(page.locator("#takes .growing")).to_contain_text("Good morning.UK female, Mimi · seed 42")
    page.wait_for_function("window.__player.run.firstSound")
    playing_before_done = not engine.ended
    page.wait_for_function(ENDED)
    assert playing_before_done
    asked: Any = engine.asked[0]
    assert (asked["text"], asked["voice"], asked["options"].decoder, asked["options"].seed) == ("Good morning.", "UK female", "Mimi", 42)
    assert asked["options"].compare is None
    expect(page.locator("#takes .growing")).to_have_count(0)
    take = page.locator("#takes .take")
    expect(take).to_contain_text("UK female, Mimi · seed 42")
    expect(take.locator(".figures")).to_contain_text("First sound 80 ms")
    np.testing.assert_array_equal(saved(page, take.locator(".load"), tmp_path), engine.sound)


def test_a_take_has_pictures_and_is_played_and_searched(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    speak(page)
    take = page.locator("#takes .take")
    expect(take.locator(".spectrogram")).to_be_visible()
    assert len(take.locator(".large .rest").get_attribute("d") or "") > 500
    picture = take.locator(".spectrogram").evaluate("e => getComputedStyle(e).maskImage.slice(5, -2)")
    size = page.evaluate("async url => { const i = new Image(); i.src = url; await i.decode(); return [i.width, i.height]; }", picture)
    assert size[0] > 100 and size[1] == 96
    take.locator(".play").click()
    expect(take.locator(".play")).to_have_attribute("aria-label", "Pause take, Good morning.")
    expect(page.locator("#player .state")).to_have_text("Playing")
    page.wait_for_function("parseFloat(document.querySelector('#takes .take').style.getPropertyValue('--heard')) > 5")
    page.keyboard.press("Escape")
    expect(take.locator(".play")).to_have_attribute("aria-label", "Play take, Good morning.")
    expect(page.locator("#player .stop")).to_be_disabled()
    take.get_by_role("slider").fill("1.5")
    assert take.evaluate("e => e.style.getPropertyValue('--heard')") == "75%"
    take.locator(".words").click()
    expect(take.locator(".more")).to_be_hidden()


def test_takes_stand_newest_first_and_are_kept_and_deleted(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    for text in ("One.", "Two.", "Three."):
        speak(page, text)
    takes = page.locator("#takes .take")
    expect(takes.locator(".text")).to_have_text(["Three.", "Two.", "One."])
    files = [unquote(link.split("file=")[1]) for link in takes.locator(".load").evaluate_all("all => all.map(e => e.href)")]
    assert all(Path(file).is_file() for file in files)
    expect(page.locator("#takes .sweep")).to_be_hidden()
    takes.nth(1).locator(".keep").click()
    expect(takes.nth(1).locator(".keep")).to_have_attribute("aria-pressed", "true")
    takes.nth(2).locator(".delete").click()
    expect(takes.locator(".text")).to_have_text(["Three.", "Two."])
    page.locator("#takes .sweep").click()
    expect(takes.locator(".text")).to_have_text(["Two."])
    assert [Path(file).exists() for file in files] == [False, True, False]


def test_what_is_deleted_as_a_take_ends_stays_deleted(
    visit: Callable[..., Page], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, go_on = Player.feed, threading.Event()

    @contextmanager
    def held_up(player: Player) -> Iterator[Feed]:
        with feed(player) as each:
            yield each
        go_on.wait(10)

    page = visit()
    open_tab(page, "Speak")
    speak(page, "One.")
    monkeypatch.setattr(Player, "feed", held_up)
    speak(page, "Two.")
    page.locator("#takes .take", has_text="One.").locator(".delete").click()
    page.wait_for_timeout(300)
    go_on.set()
    page.wait_for_timeout(500)  # for what comes at the end
    expect(page.locator("#takes .take")).to_have_count(1)


def test_two_decoders_are_compared_blindly_on_the_same_speech(visit: Callable[..., Page], engine: FakeEngine, tmp_path: Path) -> None:
    page = visit()
    open_tab(page, "Speak")
    page.get_by_label(COMPARE).check()
    speak(page)
    options: Any = engine.asked[0]["options"]
    assert {options.decoder, options.compare} == {"Detokenizer", "Mimi"}
    pair = page.locator("#takes .pair")
    expect(pair).to_contain_text("Which sounds better?")
    hidden = page.locator("#takes").inner_html().lower()
    assert "mimi" not in hidden and "detokenizer" not in hidden
    value = page.evaluate("JSON.stringify(performance.getEntries().map(e => e.name))").lower()
    assert "mimi" not in value and "detokenizer" not in value
    pair.get_by_role("button", name="Play B").click()
    expect(pair.get_by_role("button", name="Pause B")).to_be_visible()
    pair.get_by_role("button", name="Choose B").click()
    takes = page.locator("#takes .take")
    expect(takes).to_have_count(2)
    expect(takes.first).to_contain_text(f"{options.compare}, your choice")
    expect(takes.first.locator(".keep")).to_have_attribute("aria-pressed", "true")
    expect(takes.last).to_contain_text(f", {options.decoder} ·")
    expect(page.locator("#takes .verdicts")).to_have_text(f"Preferred so far: {options.compare} 1")
    np.testing.assert_array_equal(saved(page, takes.first.locator(".load"), tmp_path), -engine.sound)
    np.testing.assert_array_equal(saved(page, takes.last.locator(".load"), tmp_path), engine.sound)


def test_no_difference_is_an_answer_too_and_a_stopped_comparison_is_a_take(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    page.get_by_label(COMPARE).check()
    speak(page)
    page.get_by_role("button", name="No difference").click()
    expect(page.locator("#takes .verdicts")).to_have_text("Preferred so far: No difference 1")
    expect(page.locator("#takes .take")).to_have_count(2)
    engine.speed, engine.sound = 2.0, tone(20 * RATE)
    page.click("#speak-button")
    page.wait_for_function("window.__player.runs.length === 2 && window.__player.run.received > 24000")
    page.click("#player .stop")
    expect(page.locator("#takes .take")).to_have_count(3)
    expect(page.locator("#takes .pair")).to_have_count(0)


def test_a_long_text_is_counted_and_never_refused(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    expect(page.locator("#count")).to_have_text("1 sentence, about 4 s")
    long = "The ferry leaves at nine, and the last one back is at six. " * 60
    speak(page, long)
    expect(page.locator("#count")).to_have_text("60 sentences, about 4 min, spoken in 12 parts")
    asked: Any = engine.asked[0]
    assert asked["text"] == long.strip()
    engine.model = replace(LFM25, one_by_one=True)
    page.fill("#say textarea", long + "Well.")
    expect(page.locator("#count")).to_have_text("61 sentences, about 4 min")
    engine.model = replace(LFM25, one_by_one=True, words_alone=True)
    page.fill("#say textarea", "“It leaves at 5 p.m. today,” he said.")
    expect(page.locator("#count")).to_have_text("1 sentence, about 3 s")


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
    speak(page)
    asked: Any = engine.asked[0]
    assert (asked["voice"], asked["options"].decoder) == (DESCRIPTIONS["Storyteller"], "Mimi")
    expect(page.locator("#takes .take")).to_contain_text("Storyteller, Mimi · seed")
    engine.model = LFM25
    expect(page.locator("#voice")).to_be_visible()


def test_the_dice_draw_a_seed_and_the_advanced_choices_reach_the_engine(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    seed = page.locator("#seed input")
    expect(seed).not_to_have_value("")
    for _ in range(2):
        before = seed.input_value()
        page.click("#dice")
        expect(seed).not_to_have_value(before)
    drawn = seed.input_value()
    page.get_by_role("button", name="Advanced").click()
    top_k = page.locator("#speak-advanced input[type=number]").nth(1)
    expect(top_k).to_have_value("64")  # the panel is made when it opens, and gives its fields their values last
    top_k.fill("5")
    top_k.press("Tab")
    expect(top_k).to_have_value("5")
    speak(page)
    options: Any = engine.asked[0]["options"]
    assert (options.audio.top_k, options.audio.temperature) == (5, 0.8)
    assert str(options.seed) == drawn


def test_voice_and_decoder_are_remembered_in_the_browser(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    for choice in ("UK male", "Mimi"):
        with kept(page):
            page.get_by_label(choice).check()
    again = visit()
    open_tab(again, "Speak")
    expect(again.get_by_label("UK male")).to_be_checked()
    expect(again.get_by_label("Mimi")).to_be_checked()


def test_nothing_to_say_is_said(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_tab(page, "Speak")
    page.fill("#say textarea", "  ")
    page.click("#speak-button")
    expect(page.locator(".toast-body")).to_contain_text("Write something first")
    assert not engine.asked
