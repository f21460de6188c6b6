"""Gradio's import without what no page asks for: it is left out, nothing else is, and all is as before afterwards."""

import inspect
import ssl
import subprocess
import sys

import jinja2
import pytest

from lfm.quick_import import no_stubs, quick_import

PROGRAM = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and str(args[0]).endswith(".pyi") else None)
from lfm.quick_import import quick_import
with quick_import():
    import gradio
gradio.Interface(str, "text", "text")
print(len(opened))
print(gradio.Textbox.submit.__doc__.split()[:9])
print(gradio.Chatbot.like.__doc__.split()[:11])
print("pandas.core" in sys.modules)
import pandas
print(pandas.DataFrame({"a": [1]}).shape, gradio.caching.pd is pandas)
"""


def test_gradio_touches_no_stub_has_its_manuals_and_runs_pandas_when_asked() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout.splitlines()
    assert found == [
        "0",
        "['This', 'listener', 'is', 'triggered', 'when', 'the', 'user', 'presses', 'the']",
        "['This', 'listener', 'is', 'triggered', 'when', 'the', 'user', 'likes/dislikes', 'from', 'within', 'the']",
        "False",
        "(1, 1) True",
    ]


def test_the_page_and_its_engine_run_pandas_jiwer_and_num2words_later() -> None:
    program = "import sys\nfrom lfm.quick_import import quick_import\nwith quick_import():\n import lfm.engine, lfm.checkpoint, lfm.ui\n"
    program += "later = 'pandas.core', 'jiwer', 'num2words'\nprint(*(name in sys.modules for name in later))\n"
    program += "from lfm.quick_import import the_rest\nthe_rest()\nprint(*(name in sys.modules for name in later))\n"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found == "False False False\nTrue True True\n"


def test_classes_of_others_keep_their_files() -> None:
    theirs = type("Theirs", (), {"__module__": "gradio.components.theirs"})
    before = inspect.getfile
    with no_stubs():
        assert inspect.getfile(pytest.Item) == before(pytest.Item)
        with pytest.raises(OSError, match="no stub"):
            inspect.getfile(theirs)


def test_all_is_as_before_afterwards() -> None:
    before = inspect.getfile, jinja2.Template, ssl.create_default_context, list(sys.meta_path)
    with pytest.raises(KeyError), quick_import():
        now = inspect.getfile, jinja2.Template, ssl.create_default_context, sys.meta_path
        assert not any(one == other for one, other in zip(before, now, strict=True))
        raise KeyError
    assert (inspect.getfile, jinja2.Template, ssl.create_default_context, sys.meta_path) == before
