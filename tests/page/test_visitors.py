"""Several people at once: each is served, each sees the queue, and who leaves makes room."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from lfm.ui.visitor import Visitor
from tests.fake_engine import FRAME, RATE, FakeEngine, tone
from tests.page.conftest import ENDED, one_waits, say, until

# Every word that the bar's hint ever is, however short.
NOTE_HINTS = """() => {
    window.hints = [];
    const note = (records) => records.forEach(({ addedNodes: [node] }) => node && window.hints.push(node.data));
    new MutationObserver(note).observe(document.querySelector("#player .hint"), { childList: true });
}"""


def test_five_browsers_at_once_are_each_served_and_see_their_place(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.speed, engine.sound = 2.0, tone(2 * RATE)
    engine.gate.clear()
    pages = [visit(own_browser=True) for _ in range(5)]
    for number, page in enumerate(pages):
        say(page, f"Question {number}")
        until(lambda: len(engine.asked) == number + 1)  # noqa: B023 - it is called at once
    state, hint = pages[-1].locator("#player .state"), pages[-1].locator("#player .hint")
    expect(state).to_have_text("Queued")
    expect(hint).to_have_text("4 ahead of you")
    pages[-1].evaluate(NOTE_HINTS)
    engine.gate.set()
    pages[-1].wait_for_function(ENDED, timeout=30_000)
    assert pages[-1].evaluate("window.hints")[:3] == ["3 ahead of you", "2 ahead of you", "You are next"]
    for number, page in enumerate(pages):
        page.wait_for_function(ENDED)
        expect(page.locator("#chat .question")).to_have_text(f"You: Question {number}")
        expect(page.locator("#chat .answer sound-strip .time")).to_have_text("0:02")
    assert [reason for reason, _ in engine.ended] == ["end"] * 5
    assert [one["text"] for one in engine.asked] == [f"Question {number}" for number in range(5)]


def test_a_closed_tab_frees_the_engine_for_the_next_visitor(
    visit: Callable[..., Page], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.speed, engine.sound = 1.0, tone(60 * RATE)
    first, second = visit(), visit()
    say(first, "Take your time.")
    first.wait_for_function("window.__player.run.firstSound")
    say(second, "Am I next?")
    expect(second.locator("#player .state")).to_have_text("Queued")
    expect(second.locator("#player .hint")).to_have_text("You are next")
    engine.speed, engine.sound = 0.0, tone(RATE)
    told: list[float] = []  # when the page's Python side knows of it; before that the browser and Gradio take their time
    stop = Visitor.stop
    monkeypatch.setattr(Visitor, "stop", lambda self: (told.append(time.time()), stop(self)))
    closed = time.time()
    first.close()
    until(lambda: engine.ended)
    reason, ended = engine.ended[0]
    assert reason == "cancelled"
    assert ended - told[0] < FRAME / RATE, "more than one frame was made after that"
    assert told[0] - closed < 2.0
    expect(second.locator("#chat .answer")).to_contain_text("Start early", timeout=3000)
    second.wait_for_function(ENDED)


def test_one_who_waits_can_leave_the_queue(visit: Callable[..., Page], engine: FakeEngine) -> None:
    first, second = one_waits(visit, engine, "Never mind")
    expect(second.locator("#player .hint")).to_have_text("You are next")
    second.keyboard.press("Escape")
    until(lambda: engine.ended)
    expect(second.locator("#player .state")).to_have_text("Stopped")
    expect(second.locator("#chat .answer .note")).to_have_text("No answer")
    assert engine.status.waiting == 0 and engine.status.state == "busy"
    first.keyboard.press("Escape")
