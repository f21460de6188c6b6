"""A page's app is the one that it is served by: Gradio makes two before, and describes the page to each, a tenth of the start."""

from collections.abc import Iterator
from contextlib import contextmanager

from gradio.blocks import Blocks
from gradio.routes import App


@contextmanager
def no_app() -> Iterator[None]:
    """Make Blocks in here, from their beginning to their end; `launch` makes their app and what describes them."""
    create_app, get_config_file = App.create_app, Blocks.get_config_file
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore[assignment]
    Blocks.get_config_file = lambda self: {}  # type: ignore[assignment,return-value]
    try:
        yield
    finally:
        App.create_app, Blocks.get_config_file = create_app, get_config_file  # type: ignore[method-assign]
