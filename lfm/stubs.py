"""Gradio without its stubs: at each import it reads every component's source and writes what an editor may want to know of its events
(`gradio.component_meta.create_or_modify_pyi`), which takes half of the time.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def no_stubs() -> Iterator[None]:
    """Import Gradio in here. It writes no stub for a class that has no file, so for a while its own have none."""
    getfile = inspect.getfile

    def of_others(thing: Any) -> str:
        if inspect.isclass(thing) and thing.__module__.startswith("gradio."):
            raise OSError(f"{thing} is to have no stub")
        return getfile(thing)

    inspect.getfile = of_others
    try:
        yield
    finally:
        inspect.getfile = getfile
