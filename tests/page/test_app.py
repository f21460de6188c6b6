"""app.py's flags, and that the page knows nothing of mlx."""

import subprocess
import sys
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parent


def test_defaults_are_the_published_model_on_this_computer_alone() -> None:
    chosen = app.flags([])
    assert (chosen.model, chosen.host, chosen.port, chosen.share) == ("LiquidAI/LFM2.5-Audio-1.5B", "127.0.0.1", None, False)


@pytest.mark.parametrize("wrong", [["--model", "./no-such-folder"], ["--port", "many"], ["--dtype", "int3"], ["--loud"]])
def test_a_wrong_flag_is_a_usage_fault_that_names_it(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.flags(wrong)
    assert ended.value.code == 2
    assert wrong[-1] in capsys.readouterr().err


def test_help_needs_neither_gradio_nor_mlx() -> None:
    code = "import sys, app; app.flags([]); assert not {'gradio', 'mlx', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_page_is_built_without_mlx_being_loaded() -> None:
    code = (
        "import sys; from tests.fake_engine import FakeEngine; from lfm import ui; ui.build(FakeEngine());"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'mlx']"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
