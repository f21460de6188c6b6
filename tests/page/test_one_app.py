"""A page has the app that is served, and no other."""

from typing import Any

import httpx
import pytest
from gradio.routes import App

from lfm import ui
from tests.fake_engine import FakeEngine


def test_a_page_makes_one_app_when_it_is_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    made, create_app = [], App.create_app

    def counted(*args: Any, **kwargs: Any) -> App:
        made.append(1)
        return create_app(*args, **kwargs)

    monkeypatch.setattr(App, "create_app", staticmethod(counted))
    page = ui.build(FakeEngine())
    assert not made
    _, local, _ = page.launch(prevent_thread_lock=True, quiet=True, **ui.launch_settings())
    try:
        assert httpx.get(local).status_code == 200
    finally:
        page.close(verbose=False)
    assert len(made) == 1
