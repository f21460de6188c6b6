"""The page as somebody meets it who starts the program on a plain processor: the model that came with it answers."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from lfm import ui
from lfm.catalogue import POCKET
from lfm.engine import Engine
from tests.page.conftest import ENDED


@pytest.fixture(scope="module")
def url(served: object) -> Iterator[str]:
    engine = Engine(str(POCKET))
    engine.wait()
    blocks = ui.build(engine)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, **ui.launch_settings())
    yield url
    blocks.close(verbose=False)
    engine.close()


def test_what_it_offers_to_say_is_answered_rightly(url: str, browser: BrowserContext) -> None:
    page = browser.new_page()
    page.goto(url)
    page.get_by_role("button", name="A sum").click()
    page.wait_for_function(ENDED, timeout=20_000)
    expect(page.locator("#chat .answer")).to_contain_text("That makes seventeen.")
    expect(page.locator("#chat .answer sound-strip")).to_be_visible()


def test_the_page_says_what_it_is(url: str, browser: BrowserContext) -> None:
    page = browser.new_page()
    page.goto(url)
    expect(page.locator("#chat .knows")).to_contain_text(re.compile("small model", re.IGNORECASE))
