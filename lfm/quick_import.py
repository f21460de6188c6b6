"""Gradio's import without what no page asks for, which is two thirds of its time: stubs for editors, manuals of events, pandas."""

import inspect
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any


@contextmanager
def quick_import() -> Iterator[None]:
    """Import Gradio in here."""
    with no_stubs(), manuals_once(), certificates_once(), pandas_later():
        yield


def the_rest() -> None:
    """Import what was put off, once the page is there: Gradio's queue counts with pandas behind the first answers."""
    for name in ("pandas", "jiwer", "num2words"):
        getattr(import_module(name), "__doc__", None)


@contextmanager
def no_stubs() -> Iterator[None]:
    """Gradio reads every component's source and writes what an editor may want to know of its events
    (`gradio.component_meta.create_or_modify_pyi`), but not for a class that has no file: for a while its own have none.
    """
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


@contextmanager
def manuals_once() -> Iterator[None]:
    """It compiles a template for each event's manual (`gradio.events.EventListener.set_doc`), 216 of 36 texts: here one for each text."""
    import jinja2

    template = jinja2.Template
    jinja2.Template = cache(template)  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        jinja2.Template = template  # type: ignore[misc]


@contextmanager
def certificates_once() -> Iterator[None]:
    """It makes three HTTP clients, each of which reads whom to trust, a file that takes 25 ms: here they share what was read."""
    create = ssl.create_default_context
    ssl.create_default_context = cache(create)
    try:
        yield
    finally:
        ssl.create_default_context = create


class Later:
    """Finds pandas, to be run when somebody asks it for something. Gradio's cache of answers imports it, which this page does not use."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == "pandas" else None
        if spec and isinstance(spec.loader, Loader):
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def pandas_later() -> Iterator[None]:
    sys.meta_path.insert(0, Later)
    try:
        yield
    finally:
        sys.meta_path.remove(Later)
