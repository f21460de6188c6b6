"""Gradio's import without the stubs for editors."""

import inspect
import subprocess
import sys

import pytest

from lfm.stubs import no_stubs

PROGRAM = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and str(args[0]).endswith(".pyi") else None)
from lfm.stubs import no_stubs
with no_stubs():
    import gradio
gradio.Interface(str, "text", "text")
print(len(opened))
"""


def test_gradio_touches_no_stub() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert found.stdout.split()[-1] == "0"


def test_classes_of_others_keep_their_files_and_all_have_theirs_again() -> None:
    theirs = type("Theirs", (), {"__module__": "gradio.components.theirs"})
    before = inspect.getfile
    with no_stubs():
        assert inspect.getfile(pytest.Item) == before(pytest.Item)
        with pytest.raises(OSError, match="no stub"):
            inspect.getfile(theirs)
    assert inspect.getfile is before
