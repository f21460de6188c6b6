"""A page's app is the one that it is served by: Gradio makes two before, for who mounts the page elsewhere, a tenth of the start."""

from collections.abc import Iterator
from contextlib import contextmanager

from gradio.routes import App


@contextmanager
def no_app() -> Iterator[None]:
    """Make Blocks in here, from their beginning to their end; `launch` makes their app."""
    create_app = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore[assignment]
    try:
        yield
    finally:
        App.create_app = create_app
