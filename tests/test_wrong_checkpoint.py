"""What is wrong with a checkpoint is named in one clear sentence."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lfm.checkpoint import MIMI_FILE, load
from lfm.errors import CheckpointError, ConfigError
from tests.altering import DETOKENIZER, MAIN, Tensors, change, change_json

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS


def spoil_bytes(file: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(edit((folder / file).read_bytes()))


def spoil_tensors(edit: Callable[[Tensors], object], file: str = MAIN) -> Callable[[Path], None]:
    return lambda folder: change(folder, edit, file)


def reshaped(name: str, *shape: int, file: str = MAIN) -> Callable[[Path], None]:
    return spoil_tensors(lambda tensors: tensors.update({name: mx.zeros(shape)}), file)


def without(name: str, file: str = MAIN) -> Callable[[Path], None]:
    return spoil_tensors(lambda tensors: tensors.pop(name), file)


def spoil_config(edit: Callable[[dict], object]) -> Callable[[Path], None]:
    return lambda folder: change_json(folder, edit)


Q, K = "lfm.layers.2.self_attn.q_proj.weight", "lfm.layers.2.self_attn.k_proj.weight"
FOREIGN = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper"}
WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), r"has no config\.json"),
    "broken config": (spoil_bytes("config.json", lambda data: data[:100]), r"config\.json cannot be read as JSON.*Download"),
    "config is a list": (spoil_bytes("config.json", lambda data: b"[]"), "no JSON object"),
    "no weights": (lambda folder: (folder / MAIN).unlink(), r"has no model\.safetensors"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), r"has no tokenizer\.json"),
    "broken tokenizer": (spoil_bytes("tokenizer.json", lambda data: data[:100]), r"tokenizer\.json cannot be read"),
    "no detokenizer weights": (lambda folder: (folder / DETOKENIZER).unlink(), r"audio_detokenizer has no model\.safetensors"),
    "truncated": (spoil_bytes(MAIN, lambda data: data[:-1]), r"model\.safetensors is cut short: it has \d+ of \d+ bytes"),
    "header truncated": (spoil_bytes(MAIN, lambda data: data[:1000]), r"model\.safetensors is cut short"),
    "empty": (spoil_bytes(MAIN, lambda data: b""), r"model\.safetensors is cut short"),
    "not safetensors": (spoil_bytes(MAIN, lambda data: (40).to_bytes(8, "little") + b"x" * 100), "no safetensors file"),
    "git lfs pointer": (spoil_bytes(MAIN, lambda data: b"version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "truncated mimi": (spoil_bytes(MIMI_FILE, lambda data: data[:-1]), "tokenizer-e351c8d8-checkpoint125.safetensors is cut short"),
    "missing tensor": (without(K), rf"has no {re.escape(K)}\. "),
    "many missing": (spoil_tensors(lambda tensors: [tensors.pop(n) for n in list(tensors) if "conformer" in n]), r"and \d+ more"),
    "extra tensor": (spoil_tensors(lambda tensors: tensors.update(stranger=mx.zeros(1))), "holds stranger, for which"),
    "wrong shape": (reshaped("depth_linear.weight", 3, 64), r"depth_linear\.weight \(3, 64\).*\(512, 64\)"),
    "wrong axes": (reshaped("conformer.pre_encode.conv.3.weight", 8, 8, 3, 3), r"conv\.3\.weight \(8, 8, 3, 3\)"),
    "rows moved": (
        spoil_tensors(lambda tensors: tensors.update({Q: mx.zeros((48, 64)), K: mx.zeros((48, 64))})),
        rf"{re.escape(Q)} \(48, 64\), {re.escape(K)} \(48, 64\)",
    ),
    "mimi wrong shape": (reshaped("downsample.conv.conv.conv.weight", 32, 32, 5, file=MIMI_FILE), "downsample"),
    "detokenizer missing": (without("lin.bias", DETOKENIZER), r"audio_detokenizer/model\.safetensors has no lin\.bias"),
    "whisper": (spoil_config(lambda raw: (raw.clear(), raw.update(FOREIGN))), "WhisperForConditionalGeneration.*Choose"),
    "text model": (spoil_config(lambda raw: (raw.clear(), raw.update(model_type="lfm2"))), "LFM2 model without sound"),
    "lfm3": (spoil_config(lambda raw: raw.update(architectures=["Lfm3AudioForConditionalGeneration"])), "LFM3.*not supported"),
    "unsupported value": (spoil_config(lambda raw: raw["encoder"].update(xscaling=True)), r"encoder\.xscaling is True; only False"),
    "section missing": (spoil_config(lambda raw: raw.pop("depthformer")), "depthformer"),
    "wrong kind": (spoil_config(lambda raw: raw["lfm"].update(hidden_size="wide")), "wrong kind"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(copy: Path, name: str) -> None:
    spoil, says = WRONG[name]
    spoil(copy)
    with pytest.raises((CheckpointError, ConfigError), match=says):
        load(copy)


@pytest.mark.parametrize("content", ["<|startoftext|>", "<|im_start|>", "<|im_end|>", "<|audio_start|>", "<|text_end|>"])
def test_a_tokenizer_without_a_control_token_is_refused(copy: Path, content: str) -> None:
    path = copy / "tokenizer.json"
    path.write_text(path.read_text().replace(content, content.upper()))
    with pytest.raises(CheckpointError, match=re.escape(f"no token {content}")):
        load(copy)
