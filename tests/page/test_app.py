"""app.py's flags, and that the page knows nothing of mlx."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import BrowserContext, expect

import app
from lfm import catalogue, computer, ui
from tests.fake_engine import FakeEngine
from tests.page.conftest import ENDED, open_tab

ROOT = Path(app.__file__).parent


def test_by_default_the_page_is_for_this_computer_alone_and_the_model_is_chosen_for_it() -> None:
    chosen = app.flags([])
    assert (chosen.model, chosen.host, chosen.port, chosen.share, chosen.password) == (None, "127.0.0.1", None, False, None)


def test_a_link_always_has_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.flags(["--share", "--password", "kettle"]).password == "kettle"
    chosen = app.flags(["--share"])
    assert len(chosen.password) == 12 != app.flags(["--share"]).password
    app.announce(chosen, "http://127.0.0.1:7860/", "https://example.gradio.live")
    said = capsys.readouterr().out
    assert f"Public link: https://example.gradio.live, password: {chosen.password}" in said
    assert "can use this computer's model" in said
    app.announce(chosen, "http://127.0.0.1:7860/", None)
    assert "No public link could be made" in capsys.readouterr().err
    app.announce(app.flags(["--host", "0.0.0.0"]), "http://0.0.0.0:7860/", None)
    assert "Everyone on the network can use it; --password" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("backend", "gigabytes", "has_pocket", "begins", "falls_back"),
    [
        ("Metal", 16, True, "FULL", "POCKET"),
        ("Metal", 16, False, "FULL", None),
        ("CUDA", None, True, "FULL", "POCKET"),
        ("CPU", 16, True, "POCKET", None),
        ("CPU", 16, False, "FULL", None),
    ],
)
def test_the_model_to_begin_with_suits_the_computer(
    backend: str,
    gigabytes: int | None,
    has_pocket: bool,
    begins: str,
    falls_back: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = computer.Memory(gigabytes * 10**9, gigabytes * 10**9) if gigabytes else None
    monkeypatch.setattr(computer, "backend", lambda: backend)
    monkeypatch.setattr(computer, "memory", lambda: memory)
    monkeypatch.setattr(catalogue, "POCKET", tmp_path)
    if has_pocket:
        (tmp_path / "config.json").write_text("{}")
    names = {"FULL": catalogue.FULL, "POCKET": str(tmp_path), None: None}
    name, fallback, why = app.begin_with(None)
    assert (name, fallback) == (names[begins], names[falls_back])
    assert "--model" in why and ("Pocket" if begins == "POCKET" else catalogue.FULL) in why
    assert app.begin_with("a/b")[:2] == ("a/b", None)  # who asked for one gets that one


@pytest.fixture
def locked(served: tuple[FakeEngine, str]) -> Iterator[str]:
    served[0].reset()
    blocks = ui.build(served[0], ui.Place.LINK)
    _, url, _ = blocks.launch(auth=app.door("kettle"), auth_message=app.LOGIN, prevent_thread_lock=True, quiet=True, **ui.launch_settings())
    yield url
    blocks.close(verbose=False)


def test_a_password_is_asked_for_and_then_everything_works(locked: str, browser: BrowserContext) -> None:
    page = browser.new_page()
    elsewhere: list[str] = []
    page.on("request", lambda asked: elsewhere.append(asked.url) if not asked.url.startswith((locked, "blob:", "data:")) else None)
    page.goto(locked)
    expect(page.get_by_text(app.LOGIN)).to_be_visible()
    for password in ("teapot", "kettle"):
        page.get_by_label("username").fill("anyone")
        page.get_by_label("password").fill(password)
        page.get_by_role("button", name="Login").click()
        if password == "teapot":
            expect(page.get_by_text("Incorrect")).to_be_visible()
    open_tab(page, "Speak")
    page.click("#speak-button")
    page.wait_for_function(ENDED)
    assert page.evaluate("window.__player.run.received") == 48_000
    take = page.locator("#takes .take")
    take.locator(".play").click()
    expect(take.locator(".play")).to_have_attribute("aria-label", re.compile("^Pause"))
    open_tab(page, "About")
    expect(page.locator("#about")).to_contain_text("Your voice goes to one computer")
    expect(page.locator(".tagline")).to_have_text("Talk with a speech model")
    page.context.clear_cookies()
    page.close()
    assert not elsewhere


def test_a_program_needs_the_password_too(locked: str) -> None:
    with pytest.raises(Exception, match=r"401|auth|credentials"):
        Client(locked, verbose=False)
    words = Client(locked, auth=("anyone", "kettle"), verbose=False).predict("Hello", None, api_name="/chat")
    assert words[0].startswith("Start early")


@pytest.mark.parametrize(
    "wrong", [["--model", "./no-such-folder"], ["--port", "many"], ["--dtype", "int3"], ["--loud"], ["--password", ""]]
)
def test_a_wrong_flag_is_a_usage_fault_that_names_it(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.flags(wrong)
    assert ended.value.code == 2
    assert wrong[-2 if wrong[-1] == "" else -1] in capsys.readouterr().err


def test_help_needs_neither_gradio_nor_mlx() -> None:
    code = "import sys, app; app.flags([]); assert not {'gradio', 'mlx', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_page_is_built_without_mlx_being_loaded() -> None:
    code = (
        "import sys; from tests.fake_engine import FakeEngine; from lfm import ui; ui.build(FakeEngine());"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'mlx']"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
