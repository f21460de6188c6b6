"""Kokoro's generator of sound in PyTorch, with its convolutions in bfloat16: most of the work of speaking.

2.5 times as fast where a processor multiplies bfloat16 in hardware (AMX). What comes before it stays in ONNX Runtime.
It is ISTFTNet's (2203.02395): two upsamplings, each with what it makes of the harmonic source, then three residual blocks.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor

WITHIN = "/decoder/decoder/generator/"
SOURCE, FEATURES = f"{WITHIN}Concat_3_output_0", "/decoder/decoder/decode.3/Div_4_output_0"
STYLE = "/fc/Gemm_output_0"  # of each norm: scales and shifts
UPSAMPLED = ((10, 5), (6, 3))  # stride and padding
BINS, SIZE, HOP = 11, 20, 5  # of the inverse transform
LOUDER = 1.5  # the graph's own inverse transform divides by that much less
Kernel = tuple[Tensor, Tensor, int]  # weight, bias, dilation


def kernels(graph: onnx.GraphProto) -> dict[str, Kernel]:
    """The generator's convolutions by their names, along one axis of two, channels last."""
    made = {i.name: i for i in graph.initializer}
    by = {out: node for node in graph.node for out in node.output}
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)

    def number(name: str) -> np.ndarray:
        return numpy_helper.to_array(made[name]).astype(np.float32)

    def unpacked(node: onnx.NodeProto) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias of an integer convolution: bias, a cast and a scale follow it."""
        (add,) = users[node.output[0]]
        (rounded,) = (i for i in add.input if i != node.output[0])
        while by[rounded].op_type != "Div":
            rounded = by[rounded].input[0]
        (cast,) = users[add.output[0]]
        (scaled,) = users[cast.output[0]]
        (scales,) = (i for i in scaled.input if i != cast.output[0])
        scale = next(number(i) for i in by[scales].input if i in made)
        return (number(node.input[1]) - number(node.input[3])) * scale, number(by[rounded].input[0])

    found = {}
    for node in graph.node:
        if node.name.startswith(WITHIN) and "/istft/" not in node.name and node.op_type in ("Conv", "ConvInteger", "ConvTranspose"):
            both = unpacked(node) if node.op_type == "ConvInteger" else (number(node.input[1]), number(node.input[2]))
            weight, bias = (torch.from_numpy(part).bfloat16() for part in both)
            dilation = next(a.ints[0] for a in node.attribute if a.name == "dilations")
            name = node.name.removeprefix(WITHIN).rpartition("/")[0]
            found[name] = weight[:, :, None].contiguous(memory_format=torch.channels_last), bias, dilation
    return found


def prune(graph: onnx.GraphProto, outputs: list[str]) -> None:
    """Leave only what the outputs need."""
    by = {out: node for node in graph.node for out in node.output}
    needed, left = set(), [*outputs]
    while left:
        node = by.get(left.pop())
        if node is not None and node.output[0] not in needed:
            needed.add(node.output[0])
            left += [name for name in node.input if name]
    nodes = [node for node in graph.node if node.output[0] in needed]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in outputs)


class Generator:
    """Phonemes and a style to sound.

    Args:
        durations: the inner tensor that holds them.
    """

    def __init__(self, path: Path, durations: str, threads: int) -> None:
        torch.set_num_threads(threads)
        model = onnx.load(path)
        self.kernels, graph = kernels(model.graph), model.graph
        self.alphas = {
            i.name.removeprefix("decoder.decoder.generator."): torch.from_numpy(numpy_helper.to_array(i).copy())[..., None]
            for i in graph.initializer
            if ".alpha" in i.name
        }
        styles = [out for node in graph.node for out in node.output if out.startswith(WITHIN) and out.endswith(STYLE)]
        self.outputs = [durations, FEATURES, SOURCE, *styles]
        prune(graph, self.outputs)
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        self.session = ort.InferenceSession(model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"])
        self.window = torch.hann_window(SIZE)

    @torch.inference_mode()
    def __call__(self, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Samples (n,) and durations."""
        durations, *rest = self.session.run(self.outputs, inputs)
        features, source, *styles = (torch.from_numpy(part) for part in rest)
        style = dict(zip((n.removeprefix(WITHIN).removesuffix(STYLE) for n in self.outputs[3:]), styles, strict=True))
        x, source = (part[:, :, None].contiguous(memory_format=torch.channels_last) for part in (features, source))
        for n, (stride, padding) in enumerate(UPSAMPLED):
            weight, bias, _ = self.kernels[f"noise_convs.{n}"]
            step = (1, UPSAMPLED[1][0]) if n == 0 else (1, 1)
            heard = F.conv2d(source.bfloat16(), weight, bias, step, (0, (weight.shape[-1] - step[1]) // 2))
            heard = self.residual(heard.float(), f"noise_res.{n}", style)
            weight, bias, _ = self.kernels[f"ups.{n}"]
            x = F.conv_transpose2d(F.leaky_relu(x, 0.1).bfloat16(), weight, bias, (1, stride), (0, padding)).float()
            if n == len(UPSAMPLED) - 1:
                x = torch.cat([x[..., 1:2], x], -1)
            x = x + heard
            x = sum(self.residual(x, f"resblocks.{3 * n + k}", style) for k in range(3)) / 3
        x = self.conv(F.leaky_relu(x), "conv_post").float()[:, :, 0]
        spectra = torch.polar(x[:, :BINS].exp(), x[:, BINS:].sin())
        return LOUDER * torch.istft(spectra, SIZE, HOP, window=self.window)[0].numpy(), durations

    def conv(self, x: Tensor, name: str) -> Tensor:
        weight, bias, dilation = self.kernels[name]
        padding = (weight.shape[-1] - 1) // 2 * dilation
        return F.conv2d(x.bfloat16(), weight, bias, padding=(0, padding), dilation=(1, dilation))

    def residual(self, x: Tensor, name: str, style: dict[str, Tensor]) -> Tensor:
        """Three times two convolutions, each behind a norm that the style scales and shifts, and x + sin²(a x) / a."""
        for k in range(3):
            y = x
            for half in (1, 2):
                scale, shift = (part[None, :, None, None] for part in style[f"{name}/adain{half}.{k}"][0].chunk(2))
                y = y.float()
                flat = y.permute(0, 2, 3, 1).reshape(-1, y.shape[1])  # along the channels: sums over the other axes are slow
                mean = flat.mean(0)
                spread = (flat - mean).square_().mean(0)
                factor = (1 + scale) * (spread[None, :, None, None] + 1e-5).rsqrt()
                y = torch.addcmul(shift - mean[None, :, None, None] * factor, y, factor)
                alpha = self.alphas[f"{name}.alpha{half}.{k}"]
                y = y.addcmul_(torch.sin(y * alpha).square_(), 1 / alpha)
                y = self.conv(y, f"{name}/convs{half}.{k}")
            x = x + y
        return x
