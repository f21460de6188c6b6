"""A page on a fake engine, served once; a headless browser with a microphone that hears a tone; what every test must not see."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from gradio_client import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from lfm import ui
from lfm.engine import Engine
from tests.fake_engine import FakeEngine

MICROPHONE_HZ = 440  # what the loudest part of the microphone's voice has
ENDED = "window.__player.runs.length && window.__player.run.ended"  # the latest request is over, its sound too


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeEngine, str]]:
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    engine = FakeEngine()
    blocks = ui.build(engine)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, **ui.launch_settings())
    yield engine, url
    blocks.close(verbose=False)


@pytest.fixture
def engine(served: tuple[FakeEngine, str]) -> FakeEngine:
    served[0].reset()
    return served[0]


@pytest.fixture
def url(served: tuple[FakeEngine, str]) -> str:
    return served[1]


@pytest.fixture
def client(engine: FakeEngine, url: str) -> Client:
    return Client(url, verbose=False)


@pytest.fixture
def real(golden_folders: dict[str, Path], served: object) -> Iterator[tuple[Engine, str]]:
    """A page of its own on the real engine, with a small model of random weights."""
    engine = Engine(str(golden_folders["lfm25-tiny"]), dtype="float32")
    engine.wait()
    blocks = ui.build(engine)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, **ui.launch_settings())
    yield engine, url
    blocks.close(verbose=False)
    engine.close()


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., str]:
    """Writes a sound file of that many seconds, and gives its path."""

    def write(name: str, seconds: float = 1.0, rate: int = 16_000) -> str:
        path = tmp_path / name
        soundfile.write(path, 0.1 * np.sin(np.arange(int(seconds * rate)) / 20), rate)
        return str(path)

    return write


def utterance(rate: int, spoken: float = 1.2, pause: float = 1.2) -> np.ndarray:
    """Like speech as far as its loudness goes: syllables of a voice with overtones, four a second, then a pause."""
    t = np.arange(int(rate * (spoken + pause))) / rate
    voice = sum(part * np.sin(2 * np.pi * MICROPHONE_HZ * n * t) for n, part in ((0.5, 0.15), (1, 0.4), (2, 0.15), (3, 0.1)))
    return voice * np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) * (t < spoken)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One for all tests, so that the page's own files are read once; each tab has a session of its own all the same."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no chromium is on PATH, and the page's browser tests need one")
    microphone = tmp_path_factory.mktemp("microphone") / "speech.wav"
    soundfile.write(microphone, utterance(48_000), 48_000)
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[*flags, f"--use-file-for-fake-audio-capture={microphone}"])
        yield chromium.new_context(permissions=["microphone"], color_scheme="light")
        chromium.close()


@pytest.fixture
def visit(browser: BrowserContext, engine: FakeEngine, url: str) -> Iterator[Callable[..., Page]]:
    """Opens the page as one more visitor. At the end: no error on the console, no request to another machine."""
    pages: list[Page] = []
    own: list[BrowserContext] = []
    errors: list[str] = []
    elsewhere: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def request(asked: Request) -> None:
        if not asked.url.startswith((url, "blob:", "data:")):
            elsewhere.append(asked.url)

    def open_page(width: int = 1280, height: int = 800, dark: bool = False, own_browser: bool = False) -> Page:
        if own_browser:
            assert browser.browser
            own.append(browser.browser.new_context(permissions=["microphone"]))
        page = (own[-1] if own_browser else browser).new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_default_timeout(10_000)
        page.on("console", console)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", request)
        with page.expect_response(lambda answer: answer.url.endswith("/run/predict"), timeout=30_000):  # the first look at the model
            page.goto(url)
        page.wait_for_selector("#talk-button .record", timeout=30_000)  # the first of all tabs loads Gradio's own files
        page.wait_for_function("window.__player && document.querySelector('#box textarea[aria-label]')")
        return page

    yield open_page
    for page in pages:
        if not page.is_closed():
            page.evaluate("localStorage.clear()")  # what one test chose is not the next one's
        page.close()
    for context in own:
        context.close()
    until(lambda: engine.status.state != "busy")  # a closed tab frees the engine
    assert not errors
    assert not elsewhere


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for something that happens on another thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"this did not come true within {seconds} s"
        time.sleep(0.02)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def say(page: Page, text: str) -> None:
    page.fill("#box textarea", text)
    page.press("#box textarea", "Enter")


def answered(page: Page, turns: int) -> None:
    """Wait until so many answers are complete, and their sound is over."""
    expect(page.locator("#chat .answer:not([aria-busy])")).to_have_count(turns)
    page.wait_for_function(ENDED)


# Resolves once the browser's store has changed and then rested for half a second; each setting is written on its own.
KEPT = """before => new Promise((done, fail) => {
  let last = before, since = performance.now();
  const began = since, look = () => {
    const kept = JSON.stringify(localStorage), now = performance.now();
    if (kept !== last) [last, since] = [kept, now];
    else if (last !== before && now - since > 500) return done();
    now - began > 10000 ? fail(new Error("nothing was kept")) : setTimeout(look, 50);
  };
  look();
})"""


@contextmanager
def kept(page: Page) -> Iterator[None]:
    """What is chosen inside has reached the browser's store at the end, as it has when a person goes on to type."""
    before = page.evaluate("JSON.stringify(localStorage)")
    yield
    page.evaluate(KEPT, before)


def player(page: Page) -> dict[str, Any]:
    """The record of the latest request, with its times as seconds since 1970."""
    run = page.evaluate("({ ...window.__player.run, waiting: window.__player.run.waiting.length, nodes: window.__player.run.nodes.size })")
    origin = page.evaluate("performance.timeOrigin")
    for key in ("began", "firstChunk", "lastChunk", "firstSound", "ended"):
        run[key] = run[key] and (origin + run[key]) / 1000
    return run


def one_waits(visit: Callable[..., Page], engine: FakeEngine, question: str) -> tuple[Page, Page]:
    """Two visitors: the first is being answered for half a minute, the second has asked and waits."""
    engine.prefill = 30.0
    first, second = visit(), visit()
    say(first, "Take your time.")
    until(lambda: engine.status.state == "busy")
    say(second, question)
    return first, second
