"""Conversions as mlx-audio writes them for mlx-community: its names, its axes, its choice of what to quantise."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lfm import checkpoint, quantization
from lfm.checkpoint import LoadedModel, load
from lfm.errors import CheckpointError, ConfigError
from lfm.model.weighted import Linear
from lfm.random_model import write

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS
import mlx.nn as nn  # isort: skip
from mlx.utils import tree_flatten  # isort: skip

pytestmark = pytest.mark.usefixtures("on_cpu")

GROUP = 64
RENAMES = [  # mlx_audio 0.6.2, sts/models/lfm_audio/model.py: sanitize
    (r"^conformer\.", "audio_encoder."),
    (r"^(audio_encoder.*)\.norm_feed_forward1\.", r"\1.ff1_norm."),
    (r"^(audio_encoder.*)\.norm_feed_forward2\.", r"\1.ff2_norm."),
    (r"^(audio_encoder.*)\.norm_self_att\.", r"\1.attn_norm."),
    (r"^(audio_encoder.*)\.norm_conv\.", r"\1.conv_norm."),
    (r"^(audio_encoder.*)\.norm_out\.", r"\1.final_norm."),
    (r"^(audio_encoder.*)\.feed_forward1\.", r"\1.ff1."),
    (r"^(audio_encoder.*)\.feed_forward2\.", r"\1.ff2."),
    (r"^(audio_encoder.*)\.self_attn\.linear_(q|k|v|pos)\.", r"\1.attn.\2_proj."),
    (r"^(audio_encoder.*)\.self_attn\.linear_out\.", r"\1.attn.out_proj."),
    (r"^(audio_encoder.*)\.self_attn\.pos_bias_", r"\1.attn.pos_bias_"),
    (r"^(audio_encoder.*)\.conv\.batch_norm\.", r"\1.conv.norm."),
    (r"^audio_adapter\.model\.", "audio_adapter.layers."),
    (r"^depthformer\.layers\.(\d+)\.operator\.bounded_attention\.([qk])_layernorm\.", r"audio_head.depthformer.blocks.\1.attn.\2_norm."),
    (r"^depthformer\.layers\.(\d+)\.operator\.out_proj\.", r"audio_head.depthformer.blocks.\1.attn.o_proj."),
    (r"^depthformer\.layers\.(\d+)\.operator_norm\.", r"audio_head.depthformer.blocks.\1.attn_norm."),
    (r"^depthformer\.layers\.(\d+)\.feed_forward\.", r"audio_head.depthformer.blocks.\1.ffn."),
    (r"^depthformer\.layers\.(\d+)\.ffn_norm\.", r"audio_head.depthformer.blocks.\1.ffn_norm."),
]
DROPPED = ("audio_loss_weights", "codebook_offsets", ".num_batches_tracked")


def convert(source: Path, target: Path, bits: int | None, group: int = GROUP, **quantization: dict[str, int]) -> Path:
    """What `mlx_audio.convert -q --q-bits BITS` does to a published folder."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("model.safetensors"), dirs_exist_ok=True)
    shutil.copy(source / "audio_detokenizer" / "model.safetensors", target / "audio_detokenizer")
    raw = mx.load(str(source / "model.safetensors"))
    assert isinstance(raw, dict)
    tensors: dict[str, mx.array] = {}
    for name, value in raw.items():
        if any(part in name for part in DROPPED):
            continue
        if match := re.match(r"depthformer\.layers\.(\d+)\.operator\.qkv_proj", name):
            kv = len(value) // 6  # 32 heads of queries, 8 of keys, 8 of values
            for part, rows in zip("qkv", mx.split(value, [4 * kv, 5 * kv]), strict=True):
                tensors[f"audio_head.depthformer.blocks.{match[1]}.attn.{part}_proj.weight"] = rows
            continue
        for pattern, new in RENAMES:
            name = re.sub(pattern, new, name)
        if "pointwise_conv" in name and value.ndim == 3:
            value = value.squeeze(-1)
        elif value.ndim > 2:
            value = mx.moveaxis(value, 1, -1)
        tensors[name] = value
    if bits is not None:
        for name, value in list(tensors.items()):
            stem = name.removesuffix(".weight")
            is_matrix = stem != name and value.ndim == 2 and value.shape[-1] % group == 0
            if is_matrix and "norm" not in stem and "conv" not in stem:
                packing = quantization.get(stem, {})
                assert isinstance(packing, dict)
                packed = mx.quantize(value, packing.get("group_size", group), packing.get("bits", bits))
                tensors |= dict(zip((name, f"{stem}.scales", f"{stem}.biases"), packed, strict=True))
    mx.save_safetensors(str(target / "model.safetensors"), tensors, {"format": "mlx"})
    config = json.loads((source / "config.json").read_text()) | {"model_type": "lfm_audio"}
    if bits is not None:
        config["quantization"] = config["quantization_config"] = {"group_size": group, "bits": bits, "mode": "affine", **quantization}
    (target / "config.json").write_text(json.dumps(config))
    return target


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("published"), seed=1)


@pytest.fixture
def on_gpu(on_cpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load as on a GPU; the CPU can do the sums too, slowly."""
    monkeypatch.setattr(checkpoint.mx, "default_device", lambda: mx.gpu)


def parameters(loaded: LoadedModel) -> dict[str, mx.array]:
    return dict(tree_flatten(loaded.model.parameters()))


def answers(loaded: LoadedModel) -> list[mx.array]:
    """Something from every part of the model."""
    model = loaded.model
    mel = mx.random.normal((80, 128), key=mx.random.key(3))
    heard = model.embed_heard(mel)
    spoken = model.embed_spoken(mx.random.randint(0, 2048, (5, 8), key=mx.random.key(4)))
    hidden = model(mx.concatenate([model.embed_text(mx.array([1, 6, 300, 301])), heard, spoken], axis=1))
    _, logits = model.frame_and_logits(hidden[0, -1], lambda row: mx.array(77))  # the same codes, to compare what follows them
    return [heard, hidden, model.text_logits(hidden[0, -1]), logits]


def distance(ours: mx.array, theirs: mx.array) -> float:
    return float(mx.linalg.norm((ours - theirs).astype(mx.float32).reshape(-1)) / mx.linalg.norm(theirs.astype(mx.float32).reshape(-1)))


def test_a_bfloat16_conversion_is_the_published_model(published: Path, tmp_path: Path) -> None:
    theirs, ours = parameters(load(published)), parameters(load(convert(published, tmp_path, None)))
    assert ours.keys() == theirs.keys()
    assert all(mx.array_equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("bits", [4, 5, 6, 8])
def test_quantised_weights_are_within_half_a_step(published: Path, tmp_path: Path, bits: int) -> None:
    theirs, loaded = parameters(load(published)), load(convert(published, tmp_path, bits))
    ours = parameters(loaded)
    assert loaded.info.precision == "float32"
    changed = 0
    for name, value in theirs.items():
        rows = value.reshape(-1, min(GROUP, value.shape[-1]))
        step = (rows.max(axis=-1) - rows.min(axis=-1)) / (2**bits - 1)
        error = mx.abs(ours[name] - value).reshape(rows.shape).max(axis=-1)
        assert (error <= 1.1 * step + 0.01 * mx.abs(rows).max(axis=-1)).all(), name  # one step at an edge, and bfloat16 scales
        changed += bool(error.max() > 0)
    assert changed > 40


@pytest.mark.parametrize("bits", [4, 8])
def test_a_quantised_model_stays_near_its_original(published: Path, tmp_path: Path, bits: int) -> None:
    theirs, ours = answers(load(published)), answers(load(convert(published, tmp_path, bits)))
    furthest = max(distance(a, b) for a, b in zip(ours, theirs, strict=True))
    assert 0.001 < furthest < {4: 1.0, 8: 0.2}[bits]


@pytest.mark.parametrize("bits", [4, 8])
def test_a_quantised_reference_checkpoint_stays_near_its_bfloat16(golden_folders: dict[str, Path], tmp_path: Path, bits: int) -> None:
    """Its layers are narrow, so groups are of 32; the logits of the reference's own conversation are compared."""
    source = golden_folders["lfm25-tiny"]
    theirs, ours = load(source, "bfloat16"), load(convert(source, tmp_path, bits, group=32), "bfloat16")
    golden = mx.load(str(source / "golden.safetensors"))
    assert isinstance(golden, dict)
    hidden = golden["prefill_embeddings"].astype(mx.bfloat16)
    logits = [loaded.model.text_logits(loaded.model(hidden)[0, -1]) for loaded in (theirs, ours)]
    assert 0.001 < distance(logits[1], logits[0]) < {4: 0.5, 8: 0.1}[bits]


@pytest.mark.usefixtures("on_gpu")
@pytest.mark.parametrize("bits", [4, 5, 6, 8])
def test_on_a_gpu_weights_stay_quantised_and_say_the_same(published: Path, tmp_path: Path, bits: int) -> None:
    packed = load(convert(published, tmp_path, bits), "float32")
    block = packed.model.lfm.layers[2]
    assert isinstance(block.operator.qkv_proj, nn.QuantizedLinear)
    assert isinstance(block.feed_forward.w13, nn.QuantizedLinear)
    assert isinstance(packed.model.lfm.embed_tokens, nn.QuantizedEmbedding)
    assert block.operator.qkv_proj.bits == bits
    assert packed.info.precision == f"{bits}-bit"
    plain = load(published, "float32").info
    assert packed.info.parameters == plain.parameters
    assert packed.info.memory < plain.memory
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint.mx, "default_device", lambda: mx.cpu)
        unpacked = load(tmp_path, "float32")
    assert not any("scales" in module for module in unpacked.model.modules())
    for ours, theirs in zip(answers(packed), answers(unpacked), strict=True):
        assert distance(ours, theirs) < 1e-3


@pytest.mark.usefixtures("on_gpu")
def test_single_tensors_may_be_packed_in_other_ways(published: Path, tmp_path: Path) -> None:
    other = {"lfm.embed_tokens": {"group_size": 32, "bits": 8}, "lfm.layers.2.self_attn.v_proj": {"group_size": 64, "bits": 8}}
    packed = load(convert(published, tmp_path, 4, GROUP, **other), "float32")
    assert packed.model.lfm.embed_tokens.bits == 8
    assert isinstance(packed.model.lfm.layers[2].operator.qkv_proj, nn.Linear)  # its parts differ: unpacked
    assert isinstance(packed.model.lfm.layers[4].operator.qkv_proj, nn.QuantizedLinear)
    theirs = parameters(load(published, "float32"))
    assert distance(parameters(packed)["lfm.layers.2.operator.qkv_proj.weight"], theirs["lfm.layers.2.operator.qkv_proj.weight"]) < 0.1


@pytest.mark.usefixtures("on_gpu")
def test_what_a_gpu_cannot_multiply_is_unpacked(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    multiply = mx.quantized_matmul
    convert(published, tmp_path, 8)
    whole = load(tmp_path, "float32")
    expected = answers(whole)
    mx.eval(expected)
    wide = whole.model.lfm.layers[2].feed_forward.w2.weight.shape[-1] * 32 // 8

    def some(x: mx.array, *matrix: Any, **how: Any) -> mx.array:
        if x.shape[-1] == wide:
            raise RuntimeError("[quantized_matmul] No implementation for problem shape")
        return multiply(x, *matrix, **how)

    quantization.multiplied.cache_clear()
    monkeypatch.setattr(mx, "quantized_matmul", some)
    loaded = load(tmp_path, "float32")
    quantization.multiplied.cache_clear()
    block = loaded.model.lfm.layers[2]
    assert type(block.feed_forward.w2) is Linear
    assert isinstance(block.feed_forward.w13, nn.QuantizedLinear)
    for ours, theirs in zip(answers(loaded), expected, strict=True):
        assert distance(ours, theirs) < 1e-3


@pytest.mark.usefixtures("on_gpu")
def test_what_is_multiplied_by_packed_weights_is_a_matrix(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a vector MLX 0.32.4 for CUDA ends in "SmallVector out of range", at the first word: seen on an H100."""
    model, multiply = load(convert(published, tmp_path, 8), "float32").model, mx.quantized_matmul
    fed: list[int] = []

    def watched(x: mx.array, *matrix: Any, **how: Any) -> mx.array:
        fed.append(x.ndim)
        return multiply(x, *matrix, **how)

    monkeypatch.setattr(mx, "quantized_matmul", watched)
    hidden = mx.zeros(model.hidden_size)
    assert model.text_logits(hidden).ndim == 1
    assert model.audio_frame(hidden, lambda logits: mx.argmax(logits, axis=-1)).shape == (model.codebooks,)
    assert fed and min(fed) >= 2


WRONG = {
    "bits that are not": ({"bits": 7}, ConfigError, "7 bits"),
    "another mode": ({"mode": "mxfp4"}, ConfigError, "mxfp4"),
    "other bits than stored": ({"bits": 8}, CheckpointError, "is not quantised as config.json says"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_quantization_that_cannot_be_is_named(published: Path, tmp_path: Path, name: str) -> None:
    edit, error, says = WRONG[name]
    convert(published, tmp_path, 4)
    config = json.loads((tmp_path / "config.json").read_text())
    config["quantization"] |= edit
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(error, match=says):
        load(tmp_path)


def test_quantised_tensors_without_a_config_entry_are_refused(published: Path, tmp_path: Path) -> None:
    convert(published, tmp_path, 4)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["quantization"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="no `quantization`"):
        load(tmp_path)


def test_missing_scales_are_named(published: Path, tmp_path: Path) -> None:
    convert(published, tmp_path, 4)
    path = str(tmp_path / "model.safetensors")
    tensors = mx.load(path)
    assert isinstance(tensors, dict)
    mx.eval(tensors)
    del tensors["lfm.layers.2.self_attn.k_proj.scales"]
    mx.save_safetensors(path, tensors)
    with pytest.raises(CheckpointError, match=r"lfm\.layers\.2\.self_attn\.k_proj"):
        load(tmp_path)


def test_decoders_of_sound_may_be_packed_too(published: Path, tmp_path: Path) -> None:
    """Each config says how, as the main one does; on loading they are unpacked, for their sums are in float32."""
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    for weights, config in (
        ("audio_detokenizer/model.safetensors", "audio_detokenizer/config.json"),
        (checkpoint.MIMI_FILE, "mimi_config.json"),
    ):
        tensors = mx.load(str(tmp_path / weights))
        assert isinstance(tensors, dict)
        mx.eval(tensors)
        stems = [
            name.removesuffix(".weight") for name, value in tensors.items() if name.endswith("linear1.weight") or "feed_forward" in name
        ]
        stems = [stem for stem in stems if tensors[f"{stem}.weight"].shape[-1] % 32 == 0]
        assert stems
        for stem in stems:
            parts = mx.quantize(tensors[f"{stem}.weight"], 32, 8)
            tensors |= dict(zip((f"{stem}.weight", f"{stem}.scales", f"{stem}.biases"), parts, strict=True))
        mx.save_safetensors(str(tmp_path / weights), tensors)
        raw = json.loads((tmp_path / config).read_text()) | {"quantization": {"group_size": 32, "bits": 8}}
        (tmp_path / config).write_text(json.dumps(raw))
    codes = mx.random.randint(0, 2048, (1, 5, 8), key=mx.random.key(1))
    ours, theirs = load(tmp_path).decoders, load(published).decoders
    for name, decoder in theirs.items():
        assert 0 < distance(ours[name].decode(codes), decoder.decode(codes)) < 0.1
