"""What a checkpoint says about its own shape: frozen dataclasses that mirror config.json.

Keys that nothing here reads are ignored. A value that this implementation cannot honour raises ConfigError.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from lfm.errors import ConfigError

LayerType = Literal["conv", "full_attention", "sliding_attention"]

AUDIO_VOCAB = 2049  # 2048 codes and, as code 2048, end-of-audio
END_OF_AUDIO = 2048


def require(where: str, raw: dict[str, Any], **supported: Any) -> None:
    """Raise ConfigError when `raw` names a value other than the one that is implemented.

    Args:
        where: the config section, for the message.
        supported: key = the only value that is implemented; an absent key is taken to have it.
    """
    for key, value in supported.items():
        found = raw.get(key, value)
        if found != value:
            raise ConfigError(f"{where}.{key} is {found!r}; only {value!r} is supported. Choose an LFM2-Audio or LFM2.5-Audio checkpoint.")


def read(where: str, raw: dict[str, Any], key: str) -> Any:
    """`raw[key]`, or ConfigError naming the section and the key."""
    if key not in raw:
        raise ConfigError(f"config.json has no {where}.{key}. Is this an LFM2-Audio checkpoint?")
    return raw[key]


@dataclass(frozen=True, kw_only=True)
class MelConfig:
    """The log-mel front end."""

    sample_rate: int
    features: int
    n_fft: int
    window: int  # samples
    hop: int  # samples

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        name = "preprocessor"
        require(name, raw, window="hann", normalize="per_feature", log=True, frame_splicing=1, pad_to=0, pad_value=0.0)
        rate = int(read(name, raw, "sample_rate"))
        return cls(
            sample_rate=rate,
            features=int(read(name, raw, "features")),
            n_fft=int(read(name, raw, "n_fft")),
            window=int(read(name, raw, "window_size") * rate),
            hop=int(read(name, raw, "window_stride") * rate),
        )


@dataclass(frozen=True, kw_only=True)
class ConformerConfig:
    """The FastConformer encoder."""

    feat_in: int
    n_layers: int
    d_model: int
    n_heads: int
    ff_size: int
    conv_channels: int
    conv_kernel: int

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        name = "encoder"
        require(
            name,
            raw,
            subsampling="dw_striding",
            subsampling_factor=8,
            causal_downsampling=False,
            self_attention_model="rel_pos",
            att_context_size=[-1, -1],
            xscaling=False,
            untie_biases=True,
            conv_norm_type="batch_norm",
            conv_context_size=None,
            feat_out=-1,
            reduction=None,
        )
        d_model = int(read(name, raw, "d_model"))
        channels = int(read(name, raw, "subsampling_conv_channels"))
        return cls(
            feat_in=int(read(name, raw, "feat_in")),
            n_layers=int(read(name, raw, "n_layers")),
            d_model=d_model,
            n_heads=int(read(name, raw, "n_heads")),
            ff_size=d_model * int(read(name, raw, "ff_expansion_factor")),
            conv_channels=d_model if channels == -1 else channels,
            conv_kernel=int(read(name, raw, "conv_kernel_size")),
        )


@dataclass(frozen=True, kw_only=True)
class Lfm2Config:
    """A stack of LFM2 blocks: the backbone, the detokenizer's core and the depthformer."""

    hidden_size: int
    n_heads: int
    n_kv_heads: int
    ff_size: int
    layer_types: tuple[LayerType, ...]
    conv_kernel: int
    norm_eps: float
    rope_theta: float
    rope_pairwise: bool = False  # rotate neighbours (2i, 2i+1) instead of halves
    sliding_window: int | None = None
    vocab_size: int = 0
    context: int = 128_000

    @classmethod
    def from_dict(cls, raw: dict[str, Any], name: str = "lfm") -> Self:
        require(name, raw, conv_bias=False, block_use_swiglu=True)
        n_layers = int(read(name, raw, "num_hidden_layers"))
        rope = raw.get("rope_parameters") or {}  # transformers 5 moved rope_theta there
        require(f"{name}.rope_parameters", rope, rope_type="default")
        layer_types = raw.get("layer_types")
        if layer_types is None:
            attention = set(read(name, raw, "full_attn_idxs"))
            layer_types = ["full_attention" if i in attention else "conv" for i in range(n_layers)]
        unknown = set(layer_types) - {"conv", "full_attention", "sliding_attention"}
        if unknown:
            raise ConfigError(f"{name}.layer_types names {sorted(unknown)}; conv, full_attention and sliding_attention are supported.")
        if len(layer_types) != n_layers:
            raise ConfigError(f"{name}.layer_types names {len(layer_types)} layers, num_hidden_layers is {n_layers}.")
        window = raw.get("sliding_window")
        if "sliding_attention" in layer_types and not window:
            raise ConfigError(f"{name}.layer_types has sliding_attention but {name}.sliding_window is missing.")
        return cls(
            hidden_size=int(read(name, raw, "hidden_size")),
            n_heads=int(read(name, raw, "num_attention_heads")),
            n_kv_heads=int(read(name, raw, "num_key_value_heads")),
            ff_size=swiglu_size(raw, name),
            layer_types=cast(tuple[LayerType, ...], tuple(layer_types)),
            conv_kernel=int(raw.get("conv_L_cache", 3)),
            norm_eps=float(raw.get("norm_eps", raw.get("block_norm_eps", 1e-5))),
            rope_theta=float(raw.get("rope_theta", rope.get("rope_theta", 1e6))),
            sliding_window=int(window) if window else None,
            vocab_size=int(raw.get("vocab_size", 0)),
            context=int(raw.get("max_position_embeddings", 128_000)),
        )


def swiglu_size(raw: dict[str, Any], name: str) -> int:
    """Width of the gated feed-forward, by the published rule: 2/3 of the given size, rounded up to a multiple."""
    size = raw.get("block_ff_dim", raw.get("intermediate_size"))
    if size is None:
        raise ConfigError(f"config.json has neither {name}.block_ff_dim nor {name}.intermediate_size.")
    if not raw.get("block_auto_adjust_ff_dim", True):
        return int(size)
    multiple = int(raw.get("block_multiple_of", 256))
    size = int(int(2 * size / 3) * float(raw.get("block_ffn_dim_multiplier", 1.0)))
    return multiple * ((size + multiple - 1) // multiple)


@dataclass(frozen=True, kw_only=True)
class LfmAudioConfig:
    """The whole model, without its decoders of sound."""

    mel: MelConfig
    encoder: ConformerConfig
    lfm: Lfm2Config
    depthformer: Lfm2Config
    depth_tied: bool
    codebooks: int
    interleaved_n_text: int
    interleaved_n_audio: int

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        depth = read("config", raw, "depthformer")
        dim = int(read("depthformer", depth, "dim"))
        return cls(
            mel=MelConfig.from_dict(read("config", raw, "preprocessor")),
            encoder=ConformerConfig.from_dict(read("config", raw, "encoder")),
            lfm=Lfm2Config.from_dict(read("config", raw, "lfm")),
            depthformer=depthformer_config(dim, int(read("depthformer", depth, "layers")), int(read("config", raw, "codebooks"))),
            depth_tied=bool(depth.get("tie", True)),
            codebooks=int(read("config", raw, "codebooks")),
            interleaved_n_text=int(read("config", raw, "interleaved_n_text")),
            interleaved_n_audio=int(read("config", raw, "interleaved_n_audio")),
        )


def depthformer_config(dim: int, n_layers: int, codebooks: int) -> Lfm2Config:
    """The depthformer as an LFM2 stack: its other sizes are constants of the reference (liquid_audio model/transformer.py).

    A frame has `codebooks` positions and the next frame begins anew, so a window of that many is full attention.
    """
    return Lfm2Config(
        hidden_size=dim,
        n_heads=32,
        n_kv_heads=8,
        ff_size=swiglu_size({"block_ff_dim": 4 * dim}, "depthformer"),
        layer_types=("sliding_attention",) * n_layers,
        sliding_window=codebooks,
        conv_kernel=3,
        norm_eps=1e-5,
        rope_theta=1e6,
        rope_pairwise=True,
    )


@dataclass(frozen=True, kw_only=True)
class MimiConfig:
    """Kyutai's codec. A published repository carries no config for it: the defaults are its standard size."""

    dimension: int = 512
    n_filters: int = 64
    ratios: tuple[int, ...] = (8, 6, 5, 4)
    kernel_size: int = 7
    residual_kernel_size: int = 3
    last_kernel_size: int = 3
    compress: int = 2
    n_layers: int = 8
    n_heads: int = 8
    ff_size: int = 2048
    context: int = 250
    rope_theta: float = 10_000.0
    codebook_dim: int = 256
    codebooks: int = 8  # of those in the file, the ones that are used
    bins: int = 2048

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        seanet, transformer, quantizer = (read("mimi_config", raw, key) for key in ("seanet", "transformer", "quantizer"))
        require("mimi_config", raw, sample_rate=24_000, frame_rate=12.5)
        require(
            "seanet",
            seanet,
            channels=1,
            causal=True,
            n_residual_layers=1,
            activation="ELU",
            norm="none",
            pad_mode="constant",
            true_skip=True,
        )
        require("transformer", transformer, causal=True, gating="none", norm="layer_norm", positional_embedding="rope")
        return cls(
            dimension=int(seanet["dimension"]),
            n_filters=int(seanet["n_filters"]),
            ratios=tuple(int(r) for r in seanet["ratios"]),
            kernel_size=int(seanet["kernel_size"]),
            residual_kernel_size=int(seanet["residual_kernel_size"]),
            last_kernel_size=int(seanet["last_kernel_size"]),
            compress=int(seanet["compress"]),
            n_layers=int(transformer["num_layers"]),
            n_heads=int(transformer["num_heads"]),
            ff_size=int(transformer["dim_feedforward"]),
            context=int(transformer["context"]),
            rope_theta=float(transformer["max_period"]),
            codebook_dim=int(quantizer["dimension"]),
            codebooks=int(raw.get("num_codebooks", 8)),
            bins=int(quantizer["bins"]),
        )


@dataclass(frozen=True, kw_only=True)
class DetokenizerConfig:
    """LFM2.5's decoder: an LFM2 with a sliding window, and an inverse STFT."""

    lfm: Lfm2Config
    output_size: int
    codebooks: int = 8
    bins: int = 2048
    upsample: int = 6
    hop: int = 320

    @property
    def n_fft(self) -> int:
        """Samples of one inverse transform: output_size holds n_fft / 2 + 1 log-magnitudes and as many phases."""
        return self.output_size - 2

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        lfm = Lfm2Config.from_dict({"sliding_window": 30, **raw}, "audio_detokenizer")
        return cls(lfm=lfm, output_size=int(raw.get("output_size", 1282)))
