"""The Talk tab in a real browser: what is heard, what is sent, what is played, and that Stop means stop."""

import base64
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Page, expect

from lfm.errors import ContextFull
from lfm.ui import figures
from lfm.ui.trouble import UNEXPECTED
from tests.fake_engine import RATE, TEXT, FakeEngine, tone
from tests.page.conftest import ENDED, player, say, until

# Taps the player's output inside its own audio context and keeps every sample.
TAP = """async () => {
    document.body.click();
    const { context, output } = window.__player;
    const code = `registerProcessor("recorder", class extends AudioWorkletProcessor {
      process([[samples]]) { if (samples) this.port.postMessage(samples.slice()); return true; } })`;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const tap = new AudioWorkletNode(context, "recorder");
    window.heard = [];
    tap.port.onmessage = ({ data }) => window.heard.push(data);
    output.connect(tap).connect(context.destination);
}"""
HEARD = """() => {
    const length = window.heard.reduce((sum, block) => sum + block.length, 0), all = new Float32Array(length);
    let at = 0;
    for (const block of window.heard) { all.set(block, at); at += block.length; }
    const bytes = new Uint8Array(all.buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
}"""


def test_text_and_sound_arrive_while_the_answer_is_still_being_made(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 1.6, tone(4 * RATE)
    page = visit()
    say(page, "Where shall I go?")
    expect(page.locator("#chat .bot-row")).to_contain_text("Start early")
    text_at = time.time()
    expect(page.locator("#player .state")).to_have_text("Speaking")
    page.wait_for_function(ENDED)
    run, (reason, made_at) = player(page), engine.ended[-1]
    assert reason == "end"
    assert text_at < made_at - 0.5
    assert run["firstSound"] < made_at - 1.0
    assert run["firstSound"] - run["firstChunk"] < 0.25
    assert run["ended"] > made_at
    assert (run["received"], run["scheduled"]) == (len(engine.sound), len(engine.sound))
    expect(page.locator("#chat .bot-row")).to_contain_text(TEXT.split()[-1] if len(TEXT.split()) <= 25 else "water")
    expect(page.locator("#chat .bot-row .minimal-audio-player")).to_be_visible()
    expect(page.locator("#player .speed")).to_have_text(figures.times_real_time(engine.stats))
    expect(page.locator("#player .state")).to_have_text("Ready")


def test_what_is_played_equals_what_was_sent_sample_for_sample(visit: Callable[..., Page], engine: FakeEngine) -> None:
    noise = np.random.default_rng(5).integers(1, 9000, 3 * RATE)
    engine.sound = (noise * np.where(np.random.default_rng(6).random(len(noise)) < 0.5, -1, 1)).astype(np.int16)
    page = visit()
    page.mouse.click(5, 5)  # a browser makes no sound before the first gesture
    page.evaluate(TAP)
    say(page, "Make some noise.")
    page.wait_for_function(ENDED)
    page.wait_for_timeout(200)
    heard = np.frombuffer(base64.b64decode(page.evaluate(HEARD)), np.float32) * 32768
    # The browser places each piece by a time in seconds, and the rounding of that leaves less than a millionth of a step.
    np.testing.assert_array_equal(np.rint(np.trim_zeros(heard)), engine.sound)
    np.testing.assert_allclose(np.trim_zeros(heard), engine.sound, atol=1e-5, rtol=0)
    assert player(page)["underruns"] == 0


def test_the_reply_can_be_downloaded_without_loss(visit: Callable[..., Page], engine: FakeEngine, tmp_path: Any) -> None:
    page = visit()
    say(page, "Hello")
    with page.expect_download() as download:
        page.locator("#chat .message-buttons-left [data-testid=download-link]").click()
    path = tmp_path / "reply.wav"
    download.value.save_as(path)
    pcm, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(pcm, engine.sound)


def test_stop_silences_at_once_and_keeps_what_was_said(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 2.0, tone(20 * RATE)
    page = visit()
    say(page, "Tell me everything.")
    page.wait_for_function("window.__player.run.firstSound && window.__player.run.received > 24000")
    asked = time.time()
    left = page.evaluate("document.querySelector('#player .stop').click(), [window.__player.run.nodes.size, window.__player.run.playing]")
    assert left == [0, False]
    expect(page.locator("#player .state")).to_have_text("Stopped")
    until(lambda: engine.ended)
    assert engine.ended[-1][0] == "cancelled"
    assert engine.ended[-1][1] - asked < 0.6
    expect(page.locator("#chat .bot-row .minimal-audio-player")).to_be_visible()
    expect(page.locator("#chat .bot-row")).to_contain_text("Start early")
    page.wait_for_timeout(400)
    assert player(page)["nodes"] == 0


def test_escape_stops_a_long_silent_prefill(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.prefill = 30.0
    page = visit()
    say(page, "Think about it.")
    expect(page.locator("#player .state")).to_have_text("Thinking")
    until(lambda: engine.status.state == "busy")
    page.keyboard.press("Escape")
    until(lambda: engine.ended, 1.0)
    assert engine.ended[-1][0] == "cancelled"
    expect(page.locator("#chat .bot-row")).to_contain_text("No answer")


def test_an_attached_file_is_heard(visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str]) -> None:
    page = visit()
    page.set_input_files("#box input[type=file]", wav("question.wav", 1.5))
    page.wait_for_selector("#box .thumbnails")
    say(page, "What is said here?")
    until(lambda: engine.asked)
    heard: Any = engine.asked[0]["audio"]
    assert (engine.asked[0]["text"], heard.seconds) == ("What is said here?", 1.5)
    page.wait_for_function(ENDED)


def test_turns_share_one_conversation_until_a_new_one_is_begun(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    expect(page.locator("#meter")).to_contain_text("1 turn, room for about 19 more")
    say(page, "Two")
    expect(page.locator("#meter")).to_contain_text("2 turns, room for about 18 more")
    assert engine.asked[0]["chat"] is engine.asked[1]["chat"]
    expect(page.locator("#chat .user-row")).to_have_count(2)
    page.click("#new")
    expect(page.locator("#chat .user-row")).to_have_count(0)
    chat: Any = engine.asked[0]["chat"]
    assert chat.turns == 0
    expect(page.locator("#new")).to_be_hidden()


def test_a_new_question_ends_the_running_answer(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 1.5, tone(20 * RATE)
    page = visit()
    say(page, "One")
    expect(page.locator("#chat .bot-row")).to_contain_text("Start early")
    first = player(page)["id"]
    engine.speed, engine.sound = 0.0, tone(RATE)
    say(page, "Two")
    page.wait_for_function(f"window.__player.run.id > '{first}' && {ENDED}")
    assert [reason for reason, _ in engine.ended] == ["cancelled", "end"]
    assert player(page)["scheduled"] == RATE
    expect(page.locator("#chat .bot-row .minimal-audio-player")).to_have_count(2)


def test_text_only_makes_no_sound(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    page.get_by_label("Text only").check()
    say(page, "Quietly")
    expect(page.locator("#chat .bot-row")).to_contain_text("Start early")
    page.wait_for_function(ENDED)
    options: Any = engine.asked[0]["options"]
    assert options.with_audio is False
    assert player(page)["received"] == 0


def test_errors_are_said_and_the_conversation_stays(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    expect(page.locator("#meter")).to_contain_text("1 turn")
    for error, words in [(ContextFull("The conversation is full. Start a new one."),) * 2, (ValueError("inner"), UNEXPECTED)]:
        engine.error = error
        say(page, "More")
        expect(page.locator(".toast-body").last).to_contain_text(str(words))
        expect(page.locator("#player .stop")).to_be_disabled()
    expect(page.locator("#chat .user-row")).to_have_count(3)
    expect(page.locator("#chat .bot-row").first).to_contain_text("Start early")
    engine.error = None
    say(page, "Again")
    expect(page.locator("#chat .bot-row").last).to_contain_text("Start early")


def test_a_closed_tab_frees_the_engine_for_the_next_visitor(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.prefill = 30.0
    first, second = visit(), visit()
    say(first, "Take your time.")
    until(lambda: engine.status.state == "busy")
    say(second, "Am I next?")
    expect(second.locator("#player .state")).to_have_text("Queued")
    expect(second.locator("#player .hint")).to_have_text("You are next")
    until(lambda: len(engine.asked) == 2)
    engine.prefill = 0.0
    first.close()
    expect(second.locator("#chat .bot-row")).to_contain_text("Start early", timeout=3000)
    second.wait_for_function(ENDED)


def test_a_slow_machine_is_said_to_be_slow_and_still_plays_everything(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 0.6, tone(int(1.6 * RATE))
    page = visit()
    say(page, "Slowly")
    expect(page.locator("#player .state")).to_have_text("Slower than real time")
    page.wait_for_function(ENDED)
    run = player(page)
    assert run["underruns"] == 1
    assert run["scheduled"] == len(engine.sound)
