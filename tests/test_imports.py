"""Who may import whom, read from the source: the page knows nothing of MLX, the networks know nothing but MLX."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted([ROOT / "app.py", *(ROOT / "lfm").rglob("*.py")])
MODEL_SIDE = (
    "lfm.model",
    "lfm.processor",
    "lfm.footprint",
    "lfm.generate",
    "lfm.search",
    "lfm.rendering",
    "lfm.session",
    "lfm.tasks",
    "lfm.checkpoint",
    "lfm.sampling",
    "lfm.quantization",
    "lfm.layout",
)


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in it; `from a import b` counts as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def reaches(path: Path, *packages: str) -> set[str]:
    """Those imports of a file that lie in one of the packages."""
    return {name for name in imports(path) if any(name == p or name.startswith(p + ".") for p in packages)}


def test_the_page_never_imports_mlx_nor_what_does() -> None:
    page = [path for path in SOURCES if module(path).startswith("lfm.ui")]
    assert page and not {found for path in page for found in reaches(path, "mlx", *MODEL_SIDE)}


def test_the_networks_import_mlx_and_the_config_alone() -> None:
    networks = [path for path in SOURCES if module(path).startswith("lfm.model")]
    outside = {name for path in networks for name in imports(path) if name.split(".")[0] not in sys.stdlib_module_names}
    allowed = {name for path in networks for name in reaches(path, "mlx", "lfm.config", "lfm.model")}
    assert networks and outside == allowed
    assert not {name for path in networks for name in reaches(path, "threading", "queue", "pathlib")}


def test_loops_import_no_mlx_and_know_only_each_other() -> None:
    names = ("compiled", "products", "formulas", "loops", "attention", "listening", "codec", "frame")
    loops = [path for path in SOURCES if module(path) in {f"lfm.processor.{name}" for name in names}]
    assert len(loops) == len(names) and not {found for path in loops for found in reaches(path, "mlx", "lfm.model", "lfm.checkpoint")}


def test_numba_is_not_there_until_a_large_model_is_loaded() -> None:
    program = "import sys, lfm.engine, lfm.checkpoint, lfm.bench.command; print('numba' in sys.modules, 'lfm.processor' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert result.stdout == "False False\n", result.stderr


def test_threads_are_the_engines_and_those_of_downloads_alone() -> None:
    makers = {module(path) for path in SOURCES if reaches(path, "concurrent.futures", "multiprocessing", "threading.Thread", "queue")}
    assert makers == {"lfm.engine", "lfm.loader", "lfm.request", "lfm.downloads"}  # the loader is handed the engine's


def test_nothing_but_the_app_imports_the_page() -> None:
    users = {module(path) for path in SOURCES if reaches(path, "lfm.ui", "gradio") and not module(path).startswith("lfm.ui")}
    assert users == {"app"}


def test_nothing_imports_what_must_not_ship() -> None:
    foreign = ("torch", "torchaudio", "transformers", "mlx_lm", "mlx_audio", "liquid_audio", "moshi", "moshi_mlx")
    assert not {module(path) for path in SOURCES if reaches(path, *foreign)}


def test_mlx_is_not_there_until_a_model_is_loaded() -> None:
    """So that the page comes up at once, and a fast BLAS can come first."""
    program = "import sys, lfm.engine, lfm.chat; print([name for name in sys.modules if name.startswith('mlx')])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert result.stdout == "[]\n", result.stderr
