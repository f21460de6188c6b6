"""The Talk tab in a real browser: what is asked, what is shown, what is kept."""

import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Page, expect

from lfm.catalogue import POCKET
from lfm.errors import ContextFull
from tests.fake_engine import LFM2, LFM25, RATE, TEXT, FakeEngine, tone
from tests.page.conftest import ENDED, answered, player, say, until


def test_text_and_sound_arrive_while_the_answer_is_still_being_made(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 1.6, tone(4 * RATE)
    page = visit()
    say(page, "Where shall I go?")
    expect(page.locator("#chat .question")).to_have_text("You: Where shall I go?")
    expect(page.locator("#chat .answer")).to_contain_text("Start early")
    text_at = time.time()
    expect(page.locator("#player .state")).to_have_text("Speaking")
    expect(page.locator("#chat .answer .tools")).to_have_count(0)
    answered(page, 1)
    run, (reason, made_at) = player(page), engine.ended[-1]
    assert reason == "end"
    assert text_at < made_at - 0.5
    assert run["firstSound"] < made_at - 1.0
    assert run["ended"] > made_at
    expect(page.locator("#chat .answer .text")).to_have_text(TEXT)
    expect(page.locator("#chat .answer sound-strip")).to_be_visible()


def test_a_reply_is_downloaded_without_loss_and_its_words_are_copied(
    visit: Callable[..., Page], engine: FakeEngine, tmp_path: Path
) -> None:
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
    say(page, "Hello")
    with page.expect_download() as download:
        page.get_by_label("Download answer 1").click()
    assert download.value.suggested_filename == "01-answer.wav"
    download.value.save_as(tmp_path / "answer.wav")
    pcm, rate = soundfile.read(tmp_path / "answer.wav", dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(pcm, engine.sound)
    page.get_by_label("Copy this answer").click()
    expect(page.get_by_label("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == " ".join(TEXT.split()[:13])


def test_a_file_and_words_make_one_turn(visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]) -> None:
    page = visit()
    page.set_input_files("#box input[type=file]", wav("question.wav", 1.5))
    page.wait_for_selector("#box .thumbnails")
    say(page, "What is said here?")
    until(lambda: engine.asked)
    heard: Any = engine.asked[0]["audio"]
    assert (engine.asked[0]["text"], heard.seconds) == ("What is said here?", 1.5)
    expect(page.locator("#chat .question sound-strip .time")).to_have_text("0:01")
    answered(page, 1)


def test_a_file_that_is_no_sound_is_named_and_the_message_stays(visit: Callable[..., Page], engine: FakeEngine, tmp_path: Path) -> None:
    bad = tmp_path / "notes.wav"
    bad.write_text("no sound here")
    page = visit()
    page.set_input_files("#box input[type=file]", str(bad))
    page.wait_for_selector("#box .thumbnails")
    say(page, "Listen to this")
    expect(page.locator("#chat .notice")).to_contain_text("Could not read notes.wavTry a WAV, MP3, FLAC or OGG file.")
    assert page.input_value("#box textarea") == "Listen to this"
    assert not engine.asked
    page.locator("#talk").get_by_label("Close").first.click()
    expect(page.locator("#chat .notice")).to_be_hidden()


def test_turns_share_one_conversation_until_a_new_one_is_begun(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    expect(page.locator("#new")).to_be_hidden()
    say(page, "One")
    expect(page.locator("#meter")).to_contain_text("1 turn, room for about 19 more")
    say(page, "Two")
    expect(page.locator("#meter")).to_contain_text("2 turns, room for about 18 more")
    assert engine.asked[0]["chat"] is engine.asked[1]["chat"]
    expect(page.locator("#chat .question")).to_have_count(2)
    page.click("#new")
    expect(page.locator("#chat .question")).to_have_count(0)
    expect(page.locator("#chat .empty")).to_be_visible()
    chat: Any = engine.asked[0]["chat"]
    assert chat.turns == 0
    expect(page.locator("#new")).to_be_hidden()


def test_an_example_is_asked_at_a_press(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.get_by_role("button", name="A surprise about the sea").click()
    answered(page, 1)
    assert engine.asked[0]["text"] == "Tell me something surprising about the sea."


def test_the_last_question_is_asked_again(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    answered(page, 1)
    say(page, "Two")
    answered(page, 2)
    expect(page.get_by_role("button", name="Ask again")).to_have_count(1)
    engine.sound = tone(3 * RATE)
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#chat .turn").last.locator(".time")).to_have_text("0:03")
    assert [(one["text"], one["again"]) for one in engine.asked] == [("One", False), ("Two", False), ("Two", True)]
    expect(page.locator("#chat .question")).to_have_text(["You: One", "You: Two"])
    answered(page, 2)
    engine.prefill = 30.0  # where no other answer comes, this one stays
    page.get_by_role("button", name="Ask again").click()
    until(lambda: engine.status.state == "busy")
    page.keyboard.press("Escape")
    expect(page.locator("#chat .turn").last.locator(".time")).to_have_text("0:03")


def test_escape_is_not_too_early_for_a_request_that_the_page_has_not_heard_of(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    answered(page, 1)
    engine.prefill = 30.0
    again = page.get_by_role("button", name="Ask again")
    again.evaluate("""button => {
        button.click();
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    }""")
    expect(page.locator("#player .state")).to_have_text("Stopped")
    until(lambda: len(engine.asked) == 2 and engine.status.state == "ready")
    expect(page.locator("#chat .turn").last.locator(".time")).to_have_text("0:02")


def test_text_only_makes_no_sound(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.get_by_label("Text only").check()
    say(page, "Quietly")
    expect(page.locator("#chat .answer")).to_contain_text("Start early")
    answered(page, 1)
    options: Any = engine.asked[0]["options"]
    assert options.with_audio is False
    assert player(page)["received"] == 0
    expect(page.locator("#chat .answer sound-strip")).to_have_count(0)


def test_errors_are_said_and_the_conversation_stays(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    answered(page, 1)
    engine.error = ValueError("inner")
    say(page, "More")
    expect(page.locator("#chat .notice")).to_contain_text("Something went wrong inside the programWhat was said is kept: try again.")
    expect(page.locator("#player .stop")).to_be_disabled()
    expect(page.locator("#chat .answer").first).to_contain_text("Start early")
    expect(page.locator("#chat .answer .note")).to_have_text("No answer")
    engine.error = None
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#chat .answer").last).to_contain_text("Start early")
    expect(page.locator("#chat .notice")).to_be_hidden()
    answered(page, 2)


def test_a_full_conversation_goes_on_with_its_last_turns(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    answered(page, 1)
    engine.error = ContextFull("The conversation is full: 4090 of 4096 positions. Start a new one, or keep only the last turns.")
    say(page, "One too many")
    notice = page.locator("#chat .notice")
    expect(notice).to_contain_text("The conversation is fullStart a new one, or keep only the last turns.")
    engine.error = None
    notice.get_by_role("button", name="Keep the last turns").click()
    answered(page, 2)
    expect(page.locator("#chat .answer").last).to_contain_text("Start early")
    chat: Any = engine.asked[-1]["chat"]
    assert chat.shortened == 1 and engine.asked[-1]["text"] == "One too many"
    expect(page.locator("#chat .divider").last).to_contain_text("remembers only the last turns")
    expect(notice).to_be_hidden()


def test_another_model_has_not_heard_what_was_said_before(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    answered(page, 1)
    engine.model = LFM2
    say(page, "Two")
    answered(page, 2)
    expect(page.locator("#chat .divider").last).to_have_text("Another model from here on: it has not heard what is above")


def test_the_words_of_a_spoken_question_come_after_the_answer(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]
) -> None:
    engine.speed, engine.sound = 4.0, tone(2 * RATE)
    page = visit()
    for number in (1, 2):
        page.set_input_files("#box input[type=file]", wav(f"{number}.wav", 1.5))
        page.wait_for_selector("#box .thumbnails")
        page.press("#box textarea", "Enter")
        if number == 1:
            until(lambda: len(engine.asked) == 2)  # the answer, then the words: given up for the second question
            assert [one["task"] for one in engine.asked] == ["chat", "transcribe"]
            assert engine.ended[0][0] == "end", "the words were asked for before the answer was complete"
            expect(page.locator("#chat .heard")).to_have_count(0)
    expect(page.locator("#chat .heard")).to_have_count(2)
    expect(page.locator("#chat .heard").first).to_have_text("Heard " + " ".join(TEXT.split()[:13]))
    tasks = [one["task"] for one in engine.asked]
    assert tasks[:3] == ["chat", "transcribe", "chat"] and tasks[3:] == ["transcribe"] * len(tasks[3:])
    assert len(tasks) in (4, 5), tasks


def test_a_conversation_is_exported_with_its_sounds(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str], tmp_path: Path
) -> None:
    page = visit()
    page.set_input_files("#box input[type=file]", wav("question.flac", 1.5))
    page.wait_for_selector("#box .thumbnails")
    say(page, "What is this?")
    expect(page.locator("#chat .heard")).to_be_visible()
    page.wait_for_function(ENDED)
    with page.expect_download() as download:
        page.click("#export")
    assert download.value.suggested_filename == "conversation.zip"
    download.value.save_as(tmp_path / "conversation.zip")
    with zipfile.ZipFile(tmp_path / "conversation.zip") as archive:
        archive.extractall(tmp_path)
    pcm, rate = soundfile.read(tmp_path / "01-answer.wav", dtype="int16")
    np.testing.assert_array_equal(pcm, engine.sound)
    question = soundfile.info(str(tmp_path / "01-question.wav"))
    assert (rate, question.samplerate, question.duration, question.format) == (RATE, 16_000, 1.5, "WAV")
    (turn,) = json.loads((tmp_path / "conversation.json").read_text())["turns"]
    said = " ".join(TEXT.split()[:13])
    assert turn["question"] == {"text": "What is this?", "heard": said, "sound": "01-question.wav"}
    assert turn["answer"] == {"text": said, "note": "", "sound": "01-answer.wav"}
    assert turn["model"] == {"name": "LiquidAI/LFM2.5-Audio-1.5B", "precision": "bfloat16"}
    text = (tmp_path / "transcript.md").read_text()
    assert f"**You:** {said} *(heard)* What is this? [01-question.wav](01-question.wav)" in text
    assert f"**Model:** {said} [01-answer.wav](01-answer.wav)" in text


def test_an_empty_conversation_offers_what_the_model_knows(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    expect(page.locator("#chat .chip").first).to_have_text("A surprise about the sea")
    expect(page.locator("#chat .knows")).to_be_hidden()
    engine.model = replace(LFM25, name=str(POCKET))
    expect(page.locator("#chat .knows")).to_contain_text("choose a larger one")
    page.get_by_role("button", name="The capital of France").click()
    answered(page, 1)
    expect(page.locator("#chat .question")).to_have_text("You: What is the capital of France?")
    for tab in ("Transcribe", "Speak"):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(".limits p:visible")).to_contain_text("choose a larger one")
    engine.model = LFM25
    expect(page.locator(".limits p:visible")).to_have_count(0)
    page.get_by_role("tab", name="Talk").click()
    page.wait_for_timeout(1500)  # a look at the model or two
    expect(page.locator("#chat .question")).to_have_count(1)
