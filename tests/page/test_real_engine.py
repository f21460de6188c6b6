"""The page on the real engine, with a small model of random weights: everything but sense."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import BrowserContext, expect

import app
from lfm.audio import Audio
from lfm.chat import Chat
from lfm.engine import Engine
from lfm.events import AudioChunk, Event
from lfm.options import Options
from tests.page.conftest import ENDED, player, say, until
from tests.page.tap import heard, listen


def test_a_question_is_answered_in_text_and_sound_before_generation_ends(
    real: tuple[Engine, str], browser: BrowserContext, wav: Callable[..., str]
) -> None:
    engine, url = real
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector("#box textarea")
    page.set_input_files("#box input[type=file]", wav("question.wav", 2))
    page.wait_for_selector("#box .thumbnails")
    page.press("#box textarea", "Enter")
    page.wait_for_function("window.__player.run.firstSound", timeout=20_000)
    assert page.locator("#chat .answer").inner_text().strip()
    assert engine.status.state == "busy"
    page.click("#player .stop")
    until(lambda: engine.status.state == "ready")
    expect(page.locator("#chat .answer sound-strip")).to_be_visible()
    expect(page.locator("#meter")).to_contain_text("1 turn")
    expect(page.locator("#chat .heard")).to_have_count(1, timeout=20_000)  # what it heard is noise to it, but some words come
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_function("window.__player.runs.length === 2 && window.__player.run.firstSound", timeout=20_000)
    closed = time.monotonic()
    page.close()
    until(lambda: engine.status.state == "ready")
    assert time.monotonic() - closed < 4.0, "the answer went on to its end"


def test_all_that_the_engine_sends_is_heard_and_soon(
    real: tuple[Engine, str], browser: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    sent: list[tuple[float, np.ndarray]] = []
    own_reply = Chat.reply

    def reply(
        self: Chat, text: str | None, audio: Audio | None, options: Options, system: str | None, again: bool
    ) -> Generator[Event, None, None]:
        asked.append(time.time())
        with closing(own_reply(self, text, audio, replace(options, max_tokens=300), system, again)) as events:
            for event in events:
                if isinstance(event, AudioChunk):
                    sent.append((time.time(), event.pcm))
                yield event

    monkeypatch.setattr(Chat, "reply", reply)
    page = browser.new_page()
    page.goto(real[1])
    page.wait_for_function("window.__player && document.querySelector('#box textarea[aria-label]')")
    listen(page)
    overheads = []
    for words in ("Make some noise.", "And again.", "Once more."):
        before = len(sent)
        say(page, words)
        page.wait_for_function(f"window.__player.runs.length > {len(overheads)} && {ENDED}", timeout=60_000)
        run = player(page)
        assert run["underruns"] == 0
        overheads.append(run["firstSound"] - run["began"] - (sent[before][0] - asked[-1]))
    assert 0 < sorted(overheads)[1] <= 0.25, overheads
    page.wait_for_timeout(200)
    samples, pcm = heard(page).samples, np.concatenate([samples for _, samples in sent])
    assert len(pcm) > 20 * 24_000
    samples = np.rint(samples)  # blocks of silence are not recorded, and random weights may make some
    np.testing.assert_array_equal(samples[samples != 0], pcm[pcm != 0])
    page.close()


def test_a_spoken_question_is_held_released_and_answered(real: tuple[Engine, str], browser: BrowserContext) -> None:
    engine, url = real
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector("#talk-button .record")
    page.hover("#talk-button .record")
    page.mouse.down()
    expect(page.locator("#talk-button .clock")).to_have_text("0:01")
    page.mouse.up()
    page.wait_for_function("window.__player.runs.length && window.__player.run.firstSound", timeout=20_000)
    page.keyboard.press("Escape")
    expect(page.locator("#player .state")).to_have_text("Stopped")
    expect(page.locator("#chat .answer .note")).to_have_text("Stopped")
    page.close()
    until(lambda: engine.status.state == "ready")


def test_a_program_gets_words_and_the_conversation_goes_on(real: tuple[Engine, str], wav: Callable[..., str]) -> None:
    client = Client(real[1], verbose=False)
    assert client.predict(handle_file(wav("a.wav", 2)), api_name="/transcribe")


def test_ctrl_c_ends_the_program_cleanly() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = subprocess.Popen(
        [sys.executable, "app.py", "--model", "random", "--port", str(port)],
        cwd=Path(app.__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONFAULTHANDLER": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs are born deaf to it
    )
    impatience = threading.Timer(60, program.send_signal, [signal.SIGABRT])  # it says where it hangs
    impatience.start()
    assert program.stdout is not None
    said: list[str] = []
    for line in program.stdout:
        said.append(line)
        if line.startswith("Ready"):
            break
    assert f"Open http://127.0.0.1:{port}/" in "".join(said)  # what is logged meanwhile may stand on the same line
    program.send_signal(signal.SIGINT)
    said += program.stdout.readlines()
    assert program.wait() == 0, "".join(said)
    assert "Traceback" not in "".join(said)
    impatience.cancel()
