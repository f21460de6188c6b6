"""Loading: every tensor in its place, in both namings, and what is said of the whole."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lfm import checkpoint
from lfm.checkpoint import MIMI_FILE, LoadedModel, load
from lfm.errors import CheckpointError, ConfigError, LfmError
from tests.altering import DETOKENIZER, MAIN, Tensors, change, change_json, read

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS
from mlx.utils import tree_flatten  # isort: skip


def parameters(module: object) -> Tensors:
    return dict(tree_flatten(module.parameters()))  # type: ignore[attr-defined]


def same(ours: mx.array, theirs: mx.array) -> bool:
    return ours.shape == theirs.shape and bool(mx.array_equal(ours, theirs.astype(ours.dtype)))


def test_every_kind_of_tensor_lands_in_our_axes(published: Path, loaded: LoadedModel) -> None:
    raw, ours = read(published), parameters(loaded.model)
    for plain in (
        *("conformer.layers.1.self_attn.pos_bias_v", "conformer.layers.0.conv.batch_norm.running_var", "audio_adapter.model.3.bias"),
        *("lfm.embed_tokens.weight", "lfm.layers.4.ffn_norm.weight", "depth_linear.weight", "depth_embeddings.7.embedding_norm.weight"),
    ):
        assert same(ours[plain], raw[plain]), plain
    assert same(ours["audio_embedding.weight"], raw["audio_embedding.embedding.weight"])
    name = "conformer.pre_encode.conv.2.weight"
    assert same(ours[name], raw[name].transpose(0, 2, 3, 1))
    name = "conformer.pre_encode.conv.3.weight"
    assert same(ours[name], raw[name][:, :, 0, 0])
    name = "conformer.layers.1.conv.pointwise_conv1.weight"
    assert same(ours[name], raw[name][:, :, 0])
    name = "conformer.layers.1.conv.depthwise_conv.weight"
    assert same(ours[name], raw[name][:, 0])
    assert same(ours["lfm.layers.1.operator.conv.weight"], raw["lfm.layers.1.conv.conv.weight"][:, 0])
    assert same(ours["lfm.layers.1.operator.out_proj.weight"], raw["lfm.layers.1.conv.out_proj.weight"])
    assert same(ours["lfm.layers.2.operator.out_proj.weight"], raw["lfm.layers.2.self_attn.out_proj.weight"])
    parts = [raw[f"lfm.layers.2.self_attn.{part}_proj.weight"] for part in "qkv"]
    assert same(ours["lfm.layers.2.operator.qkv_proj.weight"], mx.concatenate(parts))
    parts = [raw[f"lfm.layers.3.feed_forward.{part}.weight"] for part in ("w1", "w3")]
    assert same(ours["lfm.layers.3.feed_forward.w13.weight"], mx.concatenate(parts))
    operator = "depthformer.layers.1.operator"
    assert same(ours[f"{operator}.qkv_proj.weight"], raw[f"{operator}.qkv_proj.weight"])
    for row, part in ((0, "q"), (-1, "k")):
        assert same(ours[f"{operator}.qk_layernorm.weight"][row], raw[f"{operator}.bounded_attention.{part}_layernorm.weight"])


def test_mimi_and_detokenizer_land_in_our_axes(published: Path, loaded: LoadedModel) -> None:
    raw, ours = read(published, MIMI_FILE), parameters(loaded.decoders["Mimi"])
    assert same(ours["encoder.model.3.conv.weight"], raw["encoder.model.3.conv.conv.weight"].transpose(0, 2, 1).flatten(1))
    taps = raw["decoder.model.3.block.1.conv.conv.weight"].transpose(2, 0, 1)
    assert same(ours["decoder.model.3.block.1.conv.weight"], taps.flatten(0, 1))
    assert same(ours["decoder.model.3.block.1.bias"], raw["decoder.model.3.block.1.conv.conv.bias"])
    stem = "decoder.model.2.convtr"
    new, old = mx.split(raw[f"{stem}.convtr.weight"].transpose(2, 1, 0), 2)  # (stride, out, in): for the newer input and the older
    assert same(ours[f"{stem}.weight"], mx.concatenate([old, new], axis=2).flatten(0, 1))
    assert same(ours[f"{stem}.bias"], mx.concatenate(len(new) * [raw[f"{stem}.convtr.bias"]]))
    assert same(ours["downsample.conv.weight"], raw["downsample.conv.conv.conv.weight"].transpose(0, 2, 1).flatten(1))
    assert same(ours["upsample.convtr.weight"], raw["upsample.convtr.convtr.convtr.weight"][:, 0])
    layer = "decoder_transformer.transformer.layers.1"
    assert same(ours[f"{layer}.self_attn.in_proj.weight"], raw[f"{layer}.self_attn.in_proj_weight"])
    assert same(ours[f"{layer}.layer_scale_2.scale"], raw[f"{layer}.layer_scale_2.scale"])
    assert same(ours["quantizer.rvq_rest.output_proj.weight"], raw["quantizer.rvq_rest.output_proj.weight"][:, :, 0])
    raw, ours = read(published, DETOKENIZER), parameters(loaded.decoders["Detokenizer"])
    parts = [raw[f"lfm.layers.3.self_attn.{part}_proj.weight"] for part in "qkv"]
    assert same(ours["lfm.layers.3.operator.qkv_proj.weight"], mx.concatenate(parts))
    assert same(ours["emb.emb.weight"], raw["emb.emb.weight"])
    assert same(ours["lin.bias"], raw["lin.bias"])


def test_codebooks_are_sums_over_usage_and_only_the_used_ones(copy: Path) -> None:
    stem = "quantizer.rvq_rest.vq.layers.6._codebook"

    def never_used(tensors: Tensors) -> None:
        tensors[f"{stem}.cluster_usage"][5] = 0

    change(copy, never_used, MIMI_FILE)
    raw, ours = read(copy, MIMI_FILE), parameters(load(copy).decoders["Mimi"])["quantizer.rvq_rest.codebooks"]
    assert ours.shape == (7, 2048, 16)
    usage = raw[f"{stem}.cluster_usage"].astype(mx.float32)
    wanted = raw[f"{stem}.embedding_sum"].astype(mx.float32) / mx.maximum(usage, 1e-5)[:, None]
    assert mx.array_equal(ours[6], wanted)
    assert mx.abs(ours[6, 5]).max() > 1e4


def test_what_inference_never_needs_is_not_missed(copy: Path, loaded: LoadedModel) -> None:
    def drop(pattern: str) -> Callable[[Tensors], object]:
        return lambda tensors: [tensors.pop(name) for name in list(tensors) if re.fullmatch(pattern, name)]

    change(copy, drop(r"audio_embedding\.(to_logits|embedding_norm).*|.*tracked|codebook_offsets|audio_loss_weights"))
    change(copy, drop(r"lfm\.embed_tokens.*|istft.*"), DETOKENIZER)
    change(copy, drop(r".*rvq_rest\.vq\.layers\.\d{2}.*|.*_initialized"), MIMI_FILE)
    for ours, theirs in zip(parameters(load(copy).model).values(), parameters(loaded.model).values(), strict=True):
        assert mx.array_equal(ours, theirs)


def test_a_tied_head_is_the_table_and_the_last_one_wins(copy: Path, published: Path) -> None:
    name = "depth_embeddings.3"
    change(copy, lambda tensors: tensors.update({f"{name}.to_logits.weight": tensors[f"{name}.to_logits.weight"] * 2}))
    table = parameters(load(copy, "float32").model)[f"{name}.embedding.weight"]
    assert same(table, read(published)[f"{name}.embedding.weight"] * 2)
    change(copy, lambda tensors: tensors.pop(f"{name}.to_logits.weight"))
    assert same(parameters(load(copy, "float32").model)[f"{name}.embedding.weight"], read(published)[f"{name}.embedding.weight"])


def test_a_head_of_its_own_is_loaded_where_it_is_not_tied(copy: Path, published: Path) -> None:
    change(copy, lambda tensors: tensors.update({"depth_embeddings.3.to_logits.weight": mx.ones((2049, 64), mx.bfloat16)}))
    change_json(copy, lambda raw: raw["depthformer"].update(tie=False))
    ours = parameters(load(copy, "float32").model)
    assert ours["depth_embeddings.3.to_logits.weight"].min() == 1
    assert same(ours["depth_embeddings.3.embedding.weight"], read(published)["depth_embeddings.3.embedding.weight"])


def test_shards_are_one_file(copy: Path, loaded: LoadedModel) -> None:
    tensors = read(copy)
    (copy / MAIN).unlink()
    names = sorted(tensors)
    files = {name: f"model-0000{1 + i % 3}-of-00003.safetensors" for i, name in enumerate(names)}
    for file in set(files.values()):
        mx.save_safetensors(str(copy / file), {name: tensors[name] for name in names if files[name] == file})
    (copy / f"{MAIN}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    for ours, theirs in zip(parameters(load(copy).model).values(), parameters(loaded.model).values(), strict=True):
        assert mx.array_equal(ours, theirs)
    (copy / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no model-00002-of-00003"):
        load(copy)


def test_dtype_is_the_backends_or_as_asked(published: Path, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bfloat16", "float16"):
        small = load(published, name)
        assert {value.dtype for value in parameters(small.model).values()} == {checkpoint.DTYPES[name]}
        assert {v.dtype for decoder in small.decoders.values() for v in parameters(decoder).values()} == {mx.float32}
        assert small.info.precision == name
        assert small.info.memory < loaded.info.memory
    assert load(published).model.dtype == (mx.float32 if mx.default_device() == mx.cpu else mx.bfloat16)
    monkeypatch.setattr(checkpoint.mx, "default_device", lambda: mx.gpu)
    assert load(published).model.dtype == mx.bfloat16
    with pytest.raises(ConfigError, match=r"int3.*float32, bfloat16, float16"):
        load(published, "int3")


def test_info_tells_family_voices_and_size(copy: Path, loaded: LoadedModel) -> None:
    info = loaded.info
    assert (info.family, info.decoders, info.noise) == ("LFM2.5-Audio", ("Detokenizer", "Mimi"), True)
    assert info.voices == ("US male", "US female", "UK male", "UK female")
    shared = {
        name: 2 * value.shape[1] for name, value in parameters(loaded.model).items() if "qk_layernorm" in name
    }  # by all heads of a kind
    assert shared and info.parameters == sum(shared.get(name, value.size) for name, value in parameters(loaded.model).items())
    assert info.memory == sum(v.nbytes for m in (loaded.model, *loaded.decoders.values()) for v in parameters(m).values())
    assert loaded.decoder() is loaded.decoders["Detokenizer"]
    assert loaded.decoder("Mimi") is loaded.decoders["Mimi"]
    assert loaded.sample_rate == 24_000
    assert not loaded.model.training
    change_json(copy, lambda raw: (raw.update(interleaved_n_audio=9), raw["lfm"].update(noise=False)))
    info = load(copy, name="someone/LFM2.5-Audio-JP").info
    assert (info.family, info.voices, info.name, info.noise) == ("LFM2.5-Audio-JP", ("Japanese",), "someone/LFM2.5-Audio-JP", False)


def test_either_decoder_is_enough_and_none_is_not(copy: Path) -> None:
    shutil.rmtree(copy / "audio_detokenizer")
    only = load(copy)
    assert (tuple(only.decoders), only.info.family, only.info.voices) == (("Mimi",), "LFM2-Audio", ())
    with pytest.raises(LfmError, match=r"no Detokenizer\. Choose Mimi"):
        only.decoder("Detokenizer")
    (copy / MIMI_FILE).unlink()
    with pytest.raises(CheckpointError, match="neither audio_detokenizer/ nor tokenizer-e351c8d8"):
        load(copy)
