"""Models come, break and give way to others, and the engine answers all the while."""

import gc
import re
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from lfm import checkpoint, computer
from lfm.checkpoint import LoadedModel
from lfm.engine import Engine
from lfm.errors import CheckpointError, LfmError
from tests.asking import LONG, OPTIONS, last, question, until


def test_another_model_takes_the_place_of_the_first(engine: Engine, golden_folders: dict[str, Path]) -> None:
    assert engine.wait().family == "LFM2.5-Audio"
    chat = engine.chat()
    list(chat.reply(None, question(), OPTIONS))
    engine.load(str(golden_folders["lfm2-tiny"]))
    info = until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio").model
    assert info is not None and info.voices == () and info.decoders == ("Mimi",)
    assert last(list(chat.reply(None, question(), OPTIONS))).reason in ("length", "end")
    assert chat.turns == 1  # the new model has not heard what was said to the old one


def test_the_first_model_goes_though_it_was_there_when_the_page_had_started(engine: Engine, golden_folders: dict[str, Path]) -> None:
    engine.wait()
    assert engine._loader.present
    block = weakref.ref(engine._loader.present.loaded.model.lfm.layers[0])  # its compiled functions point back at it
    gc.freeze()  # as the app does then
    engine.load(str(golden_folders["lfm2-tiny"]))
    until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio")
    assert block() is None


def test_a_model_that_is_still_rehearsed_goes_before_another_is_loaded(
    engine: Engine, golden_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.wait()
    assert engine._loader.present
    block, load, there = weakref.ref(engine._loader.present.loaded.model.lfm.layers[0]), checkpoint.load, []

    def endless(loaded: LoadedModel, generator: object) -> Iterator[None]:
        while loaded:
            yield

    def looked(*given: object, **named: object) -> LoadedModel:
        there.append(block())
        return load(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("lfm.rehearsal.rehearsal", endless)
    monkeypatch.setattr("lfm.checkpoint.load", looked)
    engine.rehearse()
    engine.load(str(golden_folders["lfm2-tiny"]))
    until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio")
    assert there == [None]


def test_a_model_that_is_not_there_leaves_the_one_that_is(engine: Engine) -> None:
    engine.wait()
    engine.load("/no/such/folder")
    status = until(engine, lambda status: bool(status.error))
    assert status.state == "ready" and status.model is not None
    assert last(list(engine.chat().reply("hello", None, OPTIONS)))


def test_a_model_that_breaks_while_it_loads_brings_back_the_one_before(
    engine: Engine, golden_folders: dict[str, Path], tmp_path: Path
) -> None:
    before = engine.wait()
    shutil.copytree(golden_folders["lfm2-tiny"], tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\0" * 100)
    engine.load(str(tmp_path / "broken"))
    status = until(engine, lambda status: bool(status.error) and status.state == "ready")
    assert status.model == before and status.failed == str(tmp_path / "broken")
    assert "model.safetensors" in status.error and not status.wanted
    assert last(list(engine.chat().reply("hello", None, OPTIONS)))
    engine.load(str(golden_folders["lfm2-tiny"]))
    assert not until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio").error


def test_a_first_model_that_cannot_be_had_is_replaced_by_another(golden_folders: dict[str, Path]) -> None:
    engine = Engine("/no/such/folder", fallback=str(golden_folders["lfm2-tiny"]))
    assert engine.wait().family == "LFM2-Audio"
    assert engine.status.failed == "/no/such/folder" in engine.status.error
    engine.close()


def test_a_switch_waits_for_the_reply_that_runs(engine: Engine, golden_folders: dict[str, Path]) -> None:
    engine.wait()
    running = engine.chat().reply(None, question(), LONG)
    next(running)
    engine.load(str(golden_folders["lfm2-tiny"]))
    for _ in range(5):
        next(running)
    assert engine.status.state == "busy" and engine.status.wanted == str(golden_folders["lfm2-tiny"])
    running.close()
    until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio")
    assert engine.status.wanted == ""


def test_only_the_latest_choice_is_loaded(engine: Engine, golden_folders: dict[str, Path]) -> None:
    engine.wait()
    running = engine.chat().reply(None, question(), LONG)
    next(running)
    engine.load("/no/such/folder")
    engine.load(str(golden_folders["lfm2-tiny"]))
    running.close()
    status = until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio")
    assert not status.error


def test_a_model_too_large_for_the_memory_leaves_the_one_that_is(
    engine: Engine, golden_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.wait()
    monkeypatch.setattr(computer, "memory", lambda: computer.Memory(1_000_000, 0))
    engine.load(str(golden_folders["lfm2-tiny"]))
    engine.load("random")
    status = until(engine, lambda status: bool(status.error))
    assert re.match(r"Not enough memory for this model: it needs about \d+\.\d GB, 0\.\d GB are free. Choose a smaller", status.error)
    assert status.model == before


def test_loading_errors_reach_whoever_waits() -> None:
    engine = Engine("/no/such/folder")
    with pytest.raises(LfmError, match="/no/such/folder"):
        engine.wait()
    with pytest.raises(LfmError):
        list(engine.transcribe(question()))
    assert engine.status.state == "failed" and "/no/such/folder" in engine.status.error
    engine.close()
    assert engine.status.state == "closed"


def test_a_broken_checkpoint_fails_with_its_own_words(tmp_path: Path, golden_folders: dict[str, Path]) -> None:
    shutil.copytree(golden_folders["lfm2-tiny"], tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\0" * 100)
    engine = Engine(str(tmp_path / "broken"))
    with pytest.raises((LfmError, CheckpointError), match=r"model\.safetensors"):
        engine.wait()
    engine.close()
