"""The list of models behind the pill: downloads from a Hub on this machine, switching, and what happens when it fails."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from lfm import catalogue, computer, ui
from lfm import hub as lfm_hub
from lfm.engine import Engine
from lfm.options import Options
from lfm.random_model import write
from lfm.status import Download, Status
from tests.fake_engine import LFM2, LFM25, FakeEngine
from tests.fake_hub import BIG, REPOSITORY, FakeHub
from tests.page.conftest import ENDED, one_waits, open_tab, say, until
from tests.test_engine import question


def row(page: Page, name: str) -> Locator:
    return page.locator("#models li").filter(has=page.locator(".title", has_text=name))


def open_list(page: Page) -> None:
    page.click(".pill")
    expect(page.locator("#models")).to_be_visible()


# --- on the fake engine: what the list shows and asks for ---


def test_the_list_opens_and_closes_from_the_keyboard_and_stops_nothing(visit: Callable[..., Page], engine: FakeEngine) -> None:
    engine.prefill = 30.0
    page = visit()
    say(page, "Think about it.")
    until(lambda: engine.status.state == "busy")
    pill = page.locator(".pill")
    pill.press("Enter")
    expect(page.locator("#models")).to_be_focused()
    expect(pill).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#models")).to_be_hidden()
    expect(pill).to_be_focused()
    assert engine.status.state == "busy"  # Escape closed the list and nothing else
    page.keyboard.press("Escape")
    until(lambda: engine.ended)


def test_every_model_has_its_cost_and_one_action(visit: Callable[..., Page], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer, "memory", lambda: computer.Memory(16_000_000_000, 11_400_000_000))
    page = visit()
    open_list(page)
    expect(page.locator("#models .free")).to_have_text("Memory free: 11.4 of 16 GB")
    rows = page.locator("#models li")
    expect(rows.locator(".title")).to_have_text([model.title for model in catalogue.models()])
    used = row(page, "LFM2.5-Audio, bf16")
    expect(used).to_contain_text("In use")
    expect(used.get_by_role("button")).to_have_count(0)
    four = row(page, "4-bit")
    expect(four.locator(".size")).to_have_text("1.8 GB")
    expect(four.locator(".needs")).to_have_text("needs 2.5 GB")
    expect(four.get_by_role("button")).to_have_text("Download")
    here = page.locator("#models li").filter(has=page.get_by_text("LFM2-Audio", exact=True))
    expect(here.get_by_role("button")).to_have_text("Use")
    expect(rows.filter(has_text="Recommended for this computer")).to_have_count(1)
    four.get_by_role("button").click()
    until(lambda: engine.downloads == ["mlx-community/LFM2.5-Audio-1.5B-4bit"])
    here.get_by_role("button").click()
    until(lambda: engine.loads == [LFM2.name])


def test_a_model_that_is_too_large_says_so(visit: Callable[..., Page], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer, "memory", lambda: computer.Memory(2_000_000_000, 1_000_000_000))
    page = visit()
    open_list(page)
    expect(row(page, "JP").locator(".note")).to_have_text("More than this computer's memory")


def test_progress_and_a_stopped_download_stand_in_their_row(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    open_list(page)
    name = "mlx-community/LFM2.5-Audio-1.5B-8bit"
    arriving = Download(name=name, done=1_300_000_000, total=2_400_000_000, rate=9_000_000)
    engine.state = Status(state="ready", model=LFM25, downloads=(arriving,))
    expect(row(page, "8-bit")).to_contain_text("1.3 of 2.4 GB, 2 min left")
    expect(row(page, "8-bit").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "54")
    expect(row(page, "8-bit").get_by_role("button")).to_have_text("Cancel")
    expect(page.locator(".pill")).to_contain_text("Ready")
    stopped = Download(name=name, done=1_300_000_000, total=2_400_000_000, error="The line broke.")
    engine.state = Status(state="ready", model=LFM25, downloads=(stopped,))
    expect(row(page, "8-bit")).to_contain_text("The download stopped at 1.3 of 2.4 GB. What has come is kept.")
    row(page, "8-bit").get_by_role("button", name="Continue").click()
    until(lambda: engine.downloads == [name])


def test_another_model_begins_a_new_conversation_and_says_so(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit()
    say(page, "One")
    expect(page.locator("#chat .answer .text")).to_contain_text("Start early")
    page.wait_for_function(ENDED)
    engine.model = LFM2
    expect(page.locator("#trouble")).to_contain_text("LFM2-Audio answers now. It has not heard what was said before.")
    page.locator("#trouble .close").click()
    expect(page.locator("#trouble .notice")).to_be_hidden()
    expect(page.locator("#chat")).to_contain_text("Start early")  # what was said stays to be read and exported
    say(page, "Two")
    expect(page.locator("#chat")).to_contain_text("it has not heard what is above")


def test_one_who_waits_sees_the_place_in_the_pill(visit: Callable[..., Page], engine: FakeEngine) -> None:
    first, second = one_waits(visit, engine, "Am I next?")
    expect(second.locator(".pill")).to_contain_text("Busy, you are next")
    expect(first.locator(".pill .word")).to_have_text("Busy")
    engine.prefill = 0.0


def test_on_a_phone_the_list_is_a_sheet_at_the_foot(visit: Callable[..., Page], engine: FakeEngine) -> None:
    page = visit(width=390, height=844)
    open_list(page)
    page.wait_for_timeout(200)  # it slides in
    box = page.locator("#models").bounding_box()
    assert box and (box["x"], box["width"], round(box["y"] + box["height"])) == (0, 390, 844)
    page.mouse.click(195, 20)  # the scrim
    expect(page.locator("#models")).to_be_hidden()


def test_the_pocket_model_is_offered_where_it_is(tmp_path: Path) -> None:
    assert "Pocket" not in [model.title for model in catalogue.models(tmp_path)]
    write(tmp_path)
    first = catalogue.models(tmp_path)[0]
    assert (first.title, first.name) == ("Pocket", str(tmp_path))
    assert first.needs("CPU") <= 1_000_000_000
    assert catalogue.recommended("CPU", 8_000_000_000, tmp_path) == str(tmp_path)
    assert catalogue.recommended("Metal", 16_000_000_000, tmp_path) == catalogue.FULL
    assert catalogue.recommended("Metal", 8_000_000_000).endswith("8bit")
    assert catalogue.recommended("Metal", 4_000_000_000).endswith("4bit")
    assert catalogue.recommended("CPU", 8_000_000_000, tmp_path / "none") == catalogue.FULL


# --- on the real engine and a Hub of its own ---


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    server = FakeHub(write(tmp_path / "published"))
    monkeypatch.setattr(lfm_hub, "find", partial(lfm_hub.find, endpoint=server.url, cache=tmp_path / "cache"))
    monkeypatch.setattr(lfm_hub, "cached", partial(lfm_hub.cached, tmp_path / "cache"))
    yield server
    server.close()


@pytest.fixture
def page(hub: FakeHub, real: tuple[Engine, str], browser: BrowserContext) -> Iterator[Page]:
    errors: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(real[1])
    page.wait_for_selector("#box textarea")
    yield page
    page.close()
    assert not errors


def another(page: Page, name: str) -> None:
    page.fill("#another-model", name)
    page.press("#another-model", "Enter")


def test_a_model_is_downloaded_cancelled_continued_and_used_while_the_first_answers(
    real: tuple[Engine, str], hub: FakeHub, page: Page
) -> None:
    engine, first = real[0], real[0].wait().name
    hub.pace = len(hub.files[BIG]) // 4
    open_list(page)
    another(page, REPOSITORY)
    new = row(page, "LFM2.5-Audio-tiny")
    expect(new.get_by_role("progressbar")).to_be_visible()
    expect(new.locator(".note")).to_contain_text("MB")
    expect(page.locator(".pill")).to_contain_text("Ready")
    assert list(engine.transcribe(question(), Options(max_tokens=5)))
    new.get_by_role("button", name="Cancel").click()
    until(lambda: not engine.status.downloads)
    assert engine.status.model and engine.status.model.name == first
    assert not engine.status.error  # whoever cancels need not be told
    another(page, REPOSITORY)
    until(lambda: engine.status.model and engine.status.model.name == REPOSITORY, 15)
    assert int(hub.ranges[-1][6:-1]) > 0  # it went on where it was
    expect(new).to_contain_text("In use")
    expect(page.locator(".pill")).to_contain_text("LFM2.5-Audio-tiny")
    expect(page.locator("#trouble")).to_contain_text("it answers with noise")


def test_a_switch_while_the_model_speaks_waits_for_the_end(real: tuple[Engine, str], page: Page, golden_folders: dict[str, Path]) -> None:
    engine = real[0]
    speaking = engine.chat().reply(None, question(), Options(max_tokens=100_000))
    next(speaking)
    open_list(page)
    other = str(golden_folders["lfm2-tiny"])
    another(page, other)
    expect(row(page, "lfm2-tiny")).to_contain_text("Begins when the reply has ended")
    next(speaking)
    assert engine.status.state == "busy"
    page.keyboard.press("Escape")
    speaking.close()
    until(lambda: engine.status.model and engine.status.model.name == other, 15)
    open_tab(page, "Speak")
    expect(page.locator("#describe")).to_be_visible()
    page.fill("#say textarea", "Hello.")
    page.click("#speak-button")
    page.wait_for_function("window.__player.runs.length === 1")  # random weights may say very little
    page.keyboard.press("Escape")
    until(lambda: engine.status.state == "ready")


def test_a_model_that_cannot_be_had_leaves_the_first_and_a_way_on(
    real: tuple[Engine, str], page: Page, golden_folders: dict[str, Path], tmp_path: Path
) -> None:
    engine, first = real[0], real[0].wait()
    open_list(page)
    another(page, "  ")
    expect(page.locator("#models .said")).to_contain_text("Write a folder of this computer")
    another(page, "gone/model")
    expect(page.locator("#models .said")).to_contain_text("neither a folder nor a model on the Hub")
    assert engine.status.model == first
    shutil.copytree(golden_folders["lfm2-tiny"], tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\0" * 100)
    another(page, str(tmp_path / "broken"))
    expect(page.locator("#trouble")).to_contain_text("broken could not be loaded")
    until(lambda: engine.status.state == "ready" and engine.status.model == first)
    expect(page.locator("#trouble")).to_contain_text("lfm25-tiny answers")
    page.keyboard.press("Escape")
    page.locator("#trouble .choose").click()
    expect(page.locator("#models")).to_be_visible()


@pytest.fixture
def space(served: tuple[FakeEngine, str]) -> Iterator[tuple[FakeEngine, str]]:
    engine = served[0]
    engine.reset()
    blocks = ui.build(engine, ui.Place.SPACE)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, **ui.launch_settings())
    yield engine, url
    blocks.close(verbose=False)


def test_on_a_space_the_model_is_fixed_and_nothing_untrue_is_promised(space: tuple[FakeEngine, str], browser: BrowserContext) -> None:
    engine, url = space
    page = browser.new_page()
    page.goto(url)
    open_list(page)
    expect(page.locator("#models .hint")).to_contain_text("The model is fixed on this page")
    expect(page.locator("#models li button")).to_have_count(0)
    expect(page.locator("#models form")).to_be_hidden()
    # Who asks all the same, past the page, is not heard.
    head = next(part for part in page.evaluate("window.gradio_config.components") if part["props"].get("elem_id") == "head")
    body = {"fn_name": "act", "component_id": head["id"], "session_hash": "x", "data": {"what": "another", "name": "a/b"}}
    answer = page.request.post(f"{url}gradio_api/component_server", data=body)
    assert answer.ok and not engine.loads and not engine.downloads
    page.keyboard.press("Escape")
    open_tab(page, "About")
    expect(page.locator("#about")).to_contain_text("Your voice goes to this Space")
    expect(page.locator(".tagline")).not_to_contain_text("stays on this computer")
    page.close()
