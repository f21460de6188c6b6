"""The configs of the published repositories, at the published size and at a tiny one."""

from dataclasses import dataclass
from typing import Any

CODEBOOKS, STORED_CODEBOOKS, CODES = 8, 32, 2048
RATIOS = (8, 6, 5, 4)


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a small model has smaller; the defaults are published."""

    encoder: int = 512
    encoder_layers: int = 17
    encoder_heads: int = 8
    channels: int = 256
    hidden: int = 2048
    heads: int = 32
    kv_heads: int = 8
    layers: str = "ccaccaccacacacac"  # c is a convolution, a attention
    ff: int = 12_288  # before the rule of two thirds
    ff_multiple: int = 256
    vocab: int = 65_536
    depth: int = 1024
    depth_layers: int = 6
    codec: int = 512
    codec_filters: int = 64
    codec_layers: int = 8
    codec_heads: int = 8
    codec_ff: int = 2048
    codec_context: int = 250
    codec_dim: int = 256
    detokenizer: int = 512
    detokenizer_heads: int = 16
    detokenizer_layers: str = "ccacacac"
    detokenizer_ff: int = 3328


TINY = Size(
    encoder=64,
    encoder_layers=2,
    encoder_heads=4,
    channels=8,
    hidden=64,
    heads=4,
    kv_heads=2,
    layers="ccaca",
    ff=192,
    ff_multiple=64,
    vocab=640,
    depth=64,
    depth_layers=2,
    codec=32,
    codec_filters=4,
    codec_layers=2,
    codec_heads=4,
    codec_ff=64,
    codec_context=40,
    codec_dim=16,
    detokenizer=64,
    detokenizer_layers="caca",
    detokenizer_ff=96,
)
POCKET = Size(  # small enough to ship, large enough to speak; widths are multiples of 32, so that every matrix can be packed
    encoder=160,
    encoder_layers=5,
    encoder_heads=4,
    channels=32,
    hidden=256,
    heads=8,
    kv_heads=4,
    layers="ccaccaca",
    ff=960,
    ff_multiple=64,
    vocab=2048,
    depth=128,
    depth_layers=2,
    codec=192,
    codec_filters=16,
    codec_layers=3,
    codec_heads=4,
    codec_ff=768,
    codec_context=50,
    codec_dim=64,
    detokenizer=160,
    detokenizer_heads=4,
    detokenizer_layers="ccacac",
    detokenizer_ff=768,
)
SIZES = {"full": Size(), "pocket": POCKET, "tiny": TINY}


def config(size: Size) -> dict[str, Any]:
    """config.json."""
    layers = {"c": "conv", "a": "full_attention"}
    return {
        "architectures": ["Lfm2AudioForConditionalGeneration"],
        "codebooks": CODEBOOKS,
        "tie_audio_embeddings": False,
        "semantic_codebook_factor": 100,
        "codebook_weight": "log",
        "interleaved_n_text": 6,
        "interleaved_n_audio": 12,
        "preprocessor": {
            "sample_rate": 16_000,
            "normalize": "per_feature",
            "window_size": 0.025,
            "window_stride": 0.01,
            "window": "hann",
            "features": 128,
            "n_fft": 512,
            "log": True,
            "frame_splicing": 1,
            "dither": 1e-5,
            "pad_to": 0,
            "pad_value": 0.0,
        },
        "encoder": {
            "feat_in": 128,
            "feat_out": -1,
            "n_layers": size.encoder_layers,
            "d_model": size.encoder,
            "n_heads": size.encoder_heads,
            "subsampling": "dw_striding",
            "subsampling_factor": 8,
            "subsampling_conv_channels": size.channels,
            "causal_downsampling": False,
            "reduction": None,
            "reduction_position": None,
            "reduction_factor": 1,
            "ff_expansion_factor": 4,
            "self_attention_model": "rel_pos",
            "att_context_size": [-1, -1],
            "xscaling": False,
            "untie_biases": True,
            "pos_emb_max_len": 5000,
            "conv_kernel_size": 9,
            "conv_norm_type": "batch_norm",
            "conv_context_size": None,
            "dropout": 0.1,
            "dropout_pre_encoder": 0.1,
            "dropout_emb": 0.0,
            "dropout_att": 0.1,
        },
        "lfm": {
            "architectures": ["Lfm2ForCausalLM"],
            "model_type": "lfm2",
            "vocab_size": size.vocab,
            "hidden_size": size.hidden,
            "num_hidden_layers": len(size.layers),
            "layer_types": [layers[c] for c in size.layers],
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.kv_heads,
            "max_position_embeddings": 128_000,
            "rope_theta": 1e6,
            "block_dim": size.hidden,
            "block_ff_dim": size.ff,
            "block_auto_adjust_ff_dim": True,
            "block_ffn_dim_multiplier": 1.0,
            "block_multiple_of": size.ff_multiple,
            "block_norm_eps": 1e-5,
            "block_use_swiglu": True,
            "norm_eps": 1e-5,
            "conv_L_cache": 3,
            "conv_bias": False,
            "conv_dim": size.hidden,
            "conv_dim_out": size.hidden,
            "bos_token_id": 1,
            "eos_token_id": 7,
            "pad_token_id": 0,
            "tie_word_embeddings": True,
            "use_cache": True,
        },
        "depthformer": {"layers": size.depth_layers, "dim": size.depth, "tie": True},
    }


def detokenizer_config(size: Size) -> dict[str, Any]:
    """audio_detokenizer/config.json."""
    layers = {"c": "conv", "a": "sliding_attention"}
    return {
        "architectures": ["Lfm25AudioTokenizer"],
        "hidden_size": size.detokenizer,
        "vocab_size": size.vocab,
        "output_size": 1282,
        "num_hidden_layers": len(size.detokenizer_layers),
        "layer_types": [layers[c] for c in size.detokenizer_layers],
        "num_attention_heads": size.detokenizer_heads,
        "num_key_value_heads": size.detokenizer_heads // 2,
        "sliding_window": 30,
        "block_dim": size.detokenizer,
        "block_ff_dim": size.detokenizer_ff,
        "block_auto_adjust_ff_dim": True,
        "block_ffn_dim_multiplier": 1.0,
        "block_multiple_of": size.ff_multiple,
        "conv_L_cache": 3,
        "conv_bias": False,
        "norm_eps": 1e-5,
        "rope_theta": 1e6,
        "max_position_embeddings": 128_000,
    }


def mimi_config(size: Size) -> dict[str, Any]:
    """What a small Mimi needs said; a published repository has no such file."""
    return {
        "seanet": {
            "channels": 1,
            "dimension": size.codec,
            "causal": True,
            "n_filters": size.codec_filters,
            "n_residual_layers": 1,
            "activation": "ELU",
            "compress": 2,
            "dilation_base": 2,
            "kernel_size": 7,
            "residual_kernel_size": 3,
            "last_kernel_size": 3,
            "norm": "none",
            "pad_mode": "constant",
            "ratios": list(RATIOS),
            "true_skip": True,
        },
        "transformer": {
            "d_model": size.codec,
            "num_heads": size.codec_heads,
            "num_layers": size.codec_layers,
            "causal": True,
            "layer_scale": 0.01,
            "context": size.codec_context,
            "max_period": 10_000,
            "gating": "none",
            "norm": "layer_norm",
            "positional_embedding": "rope",
            "dim_feedforward": size.codec_ff,
        },
        "quantizer": {
            "dimension": size.codec_dim,
            "n_q": STORED_CODEBOOKS,
            "bins": CODES,
            "input_dimension": size.codec,
            "output_dimension": size.codec,
        },
        "num_codebooks": CODEBOOKS,
        "sample_rate": 24_000,
        "frame_rate": 12.5,
    }
