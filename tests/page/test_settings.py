"""What the rail of the Talk tab offers to choose: it reaches the engine, and the browser keeps it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lfm.options import Sampling
from lfm.ui.settings import chosen
from tests.fake_engine import FakeEngine
from tests.page.conftest import answered, kept, say, until


def test_what_is_set_under_advanced_reaches_the_engine_and_stays_in_the_browser(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    with kept(page):
        page.get_by_label("Text only").check()
        page.get_by_role("button", name="Advanced").click()
        page.wait_for_timeout(500)  # some 50 ms after a field is first shown, Gradio sets its value once more; nobody types that fast
        page.get_by_label("System prompt").fill("Answer like a pirate.")
        numbers = {"Voice temperature": "0.5", "Voice top-k": "7", "Top-p": "0.9", "Tokens at most": "200", "Seed": "42"}
        for name, value in numbers.items():
            page.get_by_label(name).fill(value)
        page.locator("#advanced").get_by_label("Mimi").check()
    say(page, "Ahoy")
    until(lambda: engine.asked)
    options: Any = engine.asked[0]["options"]
    assert options.audio == Sampling(temperature=0.5, top_k=7, top_p=0.9)
    assert (options.max_tokens, options.seed, options.decoder, options.with_audio) == (200, 42, "Mimi", False)
    assert engine.asked[0]["system"] == "Answer like a pirate."
    answered(page, 1)

    later = visit()
    expect(later.get_by_label("Text only")).to_be_checked()
    later.get_by_role("button", name="Advanced").click()
    expect(later.get_by_label("System prompt")).to_have_value("Answer like a pirate.")
    expect(later.get_by_label("Seed")).to_have_value("42")
    with kept(later):
        later.get_by_role("button", name="Back to the defaults").click()
        expect(later.get_by_label("Seed")).to_have_value("")
        expect(later.get_by_label("Voice and text")).to_be_checked()
    say(later, "Hello")
    until(lambda: len(engine.asked) == 2)
    options = engine.asked[1]["options"]
    assert (options, engine.asked[1]["system"]) == (chosen(None).options, None)
    answered(later, 1)


@pytest.mark.parametrize(
    "nonsense", [None, {}, {"seed": "x", "top_k": -5, "top_p": 9, "longest": 1e9, "decoder": "Vocoder", "mode": 3, "system": [1]}]
)
def test_settings_that_make_no_sense_become_sensible(nonsense: Any) -> None:
    options = chosen(nonsense).options
    assert 0 <= options.audio.top_k <= 2048 and 0 < options.audio.top_p <= 1 and options.max_tokens <= 4096
    assert (options.seed, options.decoder, options.with_audio, chosen(nonsense).system) == (None, None, True, None)
