"""The head and the tabs as a whole: the pill in words, and how all of it looks."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lfm.status import Download, Status
from tests.fake_engine import LFM25, FakeEngine
from tests.page.conftest import open_tab, until


def test_the_pill_says_how_the_model_is(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    arriving = Download(name="a/b", done=1_200_000_000, total=2_900_000_000)
    for status, words in [
        (Status(state="downloading", wanted="a/b", downloads=(arriving,)), "Downloading1.2 of 2.9 GBb"),
        (Status(state="loading", wanted="LiquidAI/LFM2-Audio-1.5B"), "LoadingLFM2-Audio"),
        (Status(state="busy", model=LFM25, waiting=2), "BusyLFM2.5-Audio · bf16 · 2.9 GB"),
        (Status(state="ready", model=LFM25, prepares_since=time.monotonic() - 10), "ReadyThe first answers take longer"),
        (Status(state="ready", model=LFM25, prepares_since=time.monotonic() + 60), "ReadyLFM2.5-Audio · bf16 · 2.9 GB"),
        (Status(state="failed", wanted="a/b", failed="a/b", error="a/b is not there. Check the name."), "Needs attentionb"),
        (Status(state="failed", failed="a/b", error="Not enough memory for this model: it needs 5 GB."), "Not enough memory"),
    ]:
        engine.state = status
        expect(page.locator(".pill")).to_contain_text(words)
        if status.error:
            expect(page.locator("#trouble [role=alert]")).to_contain_text(status.error)
    engine.state = None
    engine.model = replace(LFM25, name="random", noise=True)
    expect(page.locator(".pill")).to_contain_text("Ready")
    expect(page.locator("#trouble")).to_contain_text("it answers with noise")


CUT_OFF = """[...document.querySelectorAll('.seg > .wrap')].filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth)
    .map(e => e.parentElement.id)"""


@pytest.mark.parametrize(
    "look", [{}, {"dark": True}, {"width": 390, "height": 844}, {"width": 360, "height": 780}], ids=["desktop", "dark", "phone", "narrow"]
)
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
        assert page.evaluate(CUT_OFF) == [], f"choices of {tab} have to be scrolled to"
    open_tab(page, "Talk")
    words, button = (page.locator(name).bounding_box() for name in ("#chat .empty", "#talk-button .record"))
    assert words and button and words["y"] + words["height"] <= button["y"], "the first words lie under the button"
    bar = page.locator("#player").bounding_box()
    for control in ("#talk-button .record", "#box"):
        box = page.locator(control).bounding_box()
        assert bar and box
        assert box["y"] + box["height"] <= bar["y"], f"{control} is under the player bar"
