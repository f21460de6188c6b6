"""Everyone can use it: axe-core finds nothing serious, the keyboard reaches everything, and every state has a name."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from lfm.ui.examples import examples
from tests.fake_engine import FakeEngine
from tests.page.conftest import ENDED, open_tab, say, until

TABS = ("Talk", "Transcribe", "Speak", "About")

# The name of what has the focus, and whether one sees that: by a ring around it or around the field that it is the inside of.
FOCUSED = """() => {
    const focused = document.activeElement, ring = focused.closest(".seg label, .full-container") ?? focused;
    const name = focused.ariaLabel || focused.innerText || focused.value || "";
    const style = getComputedStyle(ring);
    const seen = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none";
    const edge = ring.matches(".full-container") && style.borderColor === getComputedStyle(document.body).color;
    return [name.trim(), focused === document.body || seen || edge];
}"""

# What fades in has the contrast of a ghost until it is there.
SETTLED = """() => Promise.allSettled(document.getAnimations().filter((animation) => animation.effect.getComputedTiming().endTime < 5000)
    .map((animation) => animation.finished))"""


def audit(page: Page, where: str) -> list[str]:
    """What axe-core finds that is serious or critical."""
    page.evaluate(SETTLED)
    found: dict[str, Any] = Axe().run(page).response
    assert len(found["passes"]) > 20, "the audit did not run"
    return [
        f"{where}: {rule['impact']} {rule['id']} at {node['target']}: {node['html'][:200]}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}], ids=["light", "dark", "phone"])
def test_no_tab_has_a_serious_fault(visit: Callable[..., Page], engine: FakeEngine, look: dict[str, Any]) -> None:
    page = visit(**look)
    found = audit(page, "empty")
    say(page, "Hello")
    expect(page.locator("#chat .answer sound-strip")).to_be_visible()
    page.wait_for_function(ENDED)
    page.get_by_role("button", name="Advanced").click()
    expect(page.get_by_label("Seed").first).to_be_visible()
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        found += audit(page, tab)
    page.get_by_role("tab", name="Talk").click()
    page.get_by_role("switch", name="Hands-free").click()
    expect(page.locator("#player .state")).to_have_text("Listening")
    found += audit(page, "hands-free")
    page.keyboard.press("Escape")
    engine.error = ValueError("inner")
    say(page, "And then?")
    expect(page.locator("#chat .notice")).to_be_visible()
    found += audit(page, "notice")
    assert not found, "\n".join(found)


def test_a_whole_conversation_by_keyboard_alone(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    names = []
    while len(names) < 60 and names.count("Talk") < 2:
        page.keyboard.press("Tab")
        name, seen = page.evaluate(FOCUSED)
        names.append(name)
        assert seen, f"{name} does not show that it has the focus"
    for wanted in ("Talk", "A surprise about the sea", "Message", "Hold to talk", "Advanced"):
        assert any(name.startswith(wanted) for name in names), f"{wanted} is not reached: {names}"
    page.get_by_label("Message").focus()
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .answer sound-strip")).to_be_visible()
    page.wait_for_function(ENDED)
    page.get_by_role("button", name="Play answer 1").press("Enter")
    expect(page.get_by_role("button", name="Pause answer 1")).to_be_visible()
    page.keyboard.press("Escape")
    button = page.locator("#talk-button .record")
    button.press("Enter")
    expect(page.locator("#talk-button .clock")).to_have_text("0:01")
    button.press("Enter")
    until(lambda: [one["task"] for one in engine.asked].count("chat") == 2)
    expect(page.locator("#chat .question sound-strip")).to_be_visible()
    page.wait_for_function(ENDED)


def test_the_tabs_move_with_the_arrow_keys(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("tab", name="Talk").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Transcribe")).to_be_focused()
    expect(page.get_by_role("tab", name="Transcribe")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    expect(page.get_by_role("tab", name="Talk")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="About")).to_be_focused()


def test_states_are_announced_and_figures_are_not(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    live = page.locator("#player [aria-live]")
    expect(live).to_have_count(1)
    expect(live).to_have_attribute("role", "status")
    expect(live).to_have_text("Ready")
    say(page, "Hello")
    expect(page.get_by_role("meter", name="Conversation")).to_have_attribute("aria-valuenow", "5")
    page.wait_for_function(ENDED)
    expect(live).to_have_text("Ready")


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}], ids=["light", "dark", "phone"])
def test_lists_of_models_files_and_takes_have_no_serious_fault(
    visit: Callable[..., Page], engine: FakeEngine, wav: Callable[..., str], look: dict[str, Any]
) -> None:
    page = visit(**look)
    page.click(".pill")
    page.wait_for_timeout(400)  # while it fades in, its contrast is low
    found = audit(page, "models")
    page.keyboard.press("Escape")
    open_tab(page, "Transcribe")
    page.get_by_role("button", name=examples()[0].label).click()
    expect(page.locator("#checked .rate")).to_be_visible()
    page.set_input_files("#drop input[type=file]", [wav("a.wav", 2), wav("short.wav", 0.01)])
    expect(page.locator("#files li .state").last).to_contain_text("3 done")
    found += audit(page, "files")
    open_tab(page, "Speak")
    for choice in ("Mimi", "Compare both"):
        page.get_by_label(choice).check()
        page.click("#speak-button")
        expect(page.locator("#takes .growing")).to_have_count(0)
        expect(page.locator("#takes li").first).to_be_visible()
    expect(page.locator("#takes .pair")).to_be_visible()
    page.get_by_role("button", name="Advanced").last.click()
    found += audit(page, "takes")
    assert not found, "\n".join(found)
