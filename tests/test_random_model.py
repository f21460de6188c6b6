"""The random checkpoint: published in layout, repeatable, finite, and heard."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lfm.checkpoint import LoadedModel, load
from lfm.published import detokenizer_tensors, main_tensors, mimi_tensors
from lfm.random_model import draw, write
from lfm.sizes import SIZES
from lfm.weights import read_header

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(write(tmp_path_factory.mktemp("random")))


def test_the_full_size_is_the_published_one() -> None:
    full = SIZES["full"]
    tensors = {tensor.name: tensor for tensor in main_tensors(full)}
    heads = sum(math.prod(t.shape) for n, t in tensors.items() if n.startswith("depth_embeddings") and "to_logits" in n)
    assert 1.44e9 < sum(math.prod(tensor.shape) for tensor in tensors.values()) - heads < 1.47e9
    for name, shape in {  # as checkpoints.md lists them
        "lfm.embed_tokens.weight": (65_536, 2048),
        "lfm.layers.15.feed_forward.w1.weight": (8192, 2048),
        "lfm.layers.14.self_attn.k_proj.weight": (512, 2048),
        "lfm.layers.0.conv.in_proj.weight": (6144, 2048),
        "audio_embedding.embedding.weight": (16_392, 2048),
        "depth_linear.weight": (8192, 2048),
        "depthformer.layers.5.operator.qkv_proj.weight": (1536, 1024),
        "depthformer.layers.5.feed_forward.w2.weight": (1024, 2816),
        "conformer.layers.16.self_attn.linear_pos.weight": (512, 512),
        "conformer.pre_encode.out.weight": (512, 4096),
    }.items():
        assert tensors[name].shape == shape, name
    assert sum(math.prod(tensor.shape) for tensor in detokenizer_tensors(full)) == pytest.approx(78.5e6, rel=1e-3)
    assert sum("embedding_sum" in tensor.name for tensor in mimi_tensors(full)) == 32


def test_files_hold_what_is_listed(tmp_path: Path) -> None:
    write(tmp_path)
    for file, tensors in {
        "model.safetensors": main_tensors,
        "audio_detokenizer/model.safetensors": detokenizer_tensors,
        "tokenizer-e351c8d8-checkpoint125.safetensors": mimi_tensors,
    }.items():
        written = {name: entry.shape for name, entry in read_header(tmp_path / file).items()}
        assert written == {tensor.name: tensor.shape for tensor in tensors(SIZES["tiny"])}


def test_a_seed_repeats_and_another_does_not(tmp_path: Path) -> None:
    first, again, other = (write(tmp_path / name, seed=seed) / "model.safetensors" for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


def test_numbers_are_those_asked_for() -> None:
    tensor = next(tensor for tensor in main_tensors(SIZES["tiny"]) if tensor.name == "lfm.embed_tokens.weight")
    bits = np.concatenate(list(draw(tensor, seed=0))).astype(np.uint32) << 16
    numbers = bits.view(np.float32)
    assert numbers.shape == tensor.shape
    sizes = np.linalg.norm(numbers, axis=1)
    assert np.median(sizes) == pytest.approx(1, rel=0.05)
    assert sizes[128] == sizes.max() > 3


def test_a_tied_head_repeats_its_table() -> None:
    tensors = {tensor.name: tensor for tensor in main_tensors(SIZES["tiny"])}
    table, head = (np.concatenate(list(draw(tensors[f"depth_embeddings.2.{part}.weight"], seed=5))) for part in ("embedding", "to_logits"))
    assert np.array_equal(table, head)


def test_it_is_said_to_be_noise(loaded: LoadedModel) -> None:
    assert loaded.info.noise
    assert loaded.info.family == "LFM2.5-Audio"


@pytest.mark.usefixtures("on_cpu")
def test_activations_stay_finite_and_of_a_size(loaded: LoadedModel) -> None:
    heard = loaded.model.embed_heard(mx.random.normal((200, 128), key=mx.random.key(0)))
    hidden = loaded.model(mx.concatenate([loaded.model.embed_text(mx.arange(200, 260)), heard], axis=1))
    for values in (heard, hidden, loaded.model.text_logits(hidden[0, -1])):
        assert 0.05 < float(np.std(np.array(values))) < 20


@pytest.mark.parametrize("name", ["Detokenizer", "Mimi"])
def test_its_sound_is_audible_and_not_clipped(loaded: LoadedModel, name: str) -> None:
    codes = mx.random.randint(0, 2048, (1, 25, 8), key=mx.random.key(1))
    sound = np.array(loaded.decoders[name].decode(codes))  # type: ignore[index]
    assert 0.01 < np.sqrt(np.mean(np.square(sound))) < 0.3
    assert np.abs(sound).max() < 1


def test_it_is_a_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lfm.random_model", str(tmp_path / "model"), "--seed", "7"]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == (write(tmp_path / "other", seed=7) / "model.safetensors").read_bytes()
    assert json.loads((tmp_path / "model" / "config.json").read_text())["lfm"]["noise"] is True
