"""Causal convolutions of a stream, (B, T, C), each as a product with one matrix.

The state carries the inputs that a later chunk still needs, so chunks of any size give what the whole gives.
"""

from functools import partial

import mlx.core as mx
import mlx.nn as nn

from lfm.model.state import Past, State
from lfm.model.weighted import DepthwiseKernel, Linear, once


def after_past(module: nn.Module, x: mx.array, history: int, state: State | None, *, edge: bool = False) -> mx.array:
    """`x` behind the last `history` inputs: zeros at the start or, with `edge`, the first input repeated."""
    if history == 0:
        return x
    past = Past() if state is None else state.slot(module, Past)
    if past.value is None:
        shape = (x.shape[0], history, x.shape[2])
        past.value = mx.broadcast_to(x[:, :1], shape) if edge else mx.zeros(shape, x.dtype)
    x = mx.concatenate([past.value, x], axis=1)
    past.value = x[:, -history:]
    return x


@partial(mx.compile, shapeless=True)
def total(parts: list[mx.array]) -> mx.array:
    return sum(parts[1:], parts[0])


class CausalConv1d(nn.Module):
    """A convolution that sees only the past: all inputs times all taps are one product, and an output is the sum of its part of it."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.conv = Linear(in_channels, kernel * out_channels, bias=False)
        self.bias = mx.zeros((out_channels,))

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, T, C')."""
        length, channels = x.shape[1], len(self.bias)
        products = self.conv(after_past(self, x, self.kernel - 1, state))
        return total([*(products[:, k : k + length, k * channels : (k + 1) * channels] for k in range(self.kernel)), self.bias])


def windows(x: mx.array, size: int, stride: int = 1) -> mx.array:
    """(B, T, C) -> (B, 1 + (T - size) // stride, size C): neighbours as one row, the oldest first."""
    batch, length, channels = x.shape
    shape = (batch, 1 + (length - size) // stride, size * channels)
    return mx.as_strided(x, shape, (length * channels, stride * channels, 1))


class StridedConv1d(nn.Module):
    """The same where outputs are fewer than inputs: a product with what each output sees. With `edge` the first input stands before
    the start, else zeros.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, *, bias: bool = True, edge: bool = False) -> None:
        super().__init__()
        self.kernel, self.stride, self.edge = kernel, stride, edge
        self.conv = Linear(kernel * in_channels, out_channels, bias=bias)

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) with T a multiple of the stride -> (B, T / stride, C')."""
        x = after_past(self, x, self.kernel - self.stride, state, edge=self.edge)
        return self.conv(windows(x, self.kernel, self.stride))


class CausalConvTranspose1d(nn.Module):
    """An upsampling convolution whose kernel is twice its stride: two inputs at a time become `stride` outputs."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convtr = Linear(2 * in_channels, stride * out_channels)

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, T stride, C')."""
        batch, length, _ = x.shape
        return self.convtr(windows(after_past(self, x, 1, state), 2)).reshape(batch, length * self.stride, -1)


def halves(kernel: mx.array) -> tuple[mx.array, mx.array]:
    """(C, 4) -> (2, C), what an input is multiplied by when it is new, and when it is old."""
    new, old = mx.split(mx.contiguous(kernel.T), 2)
    return new, old


class Upsample(nn.Module):
    """The same with twice as many outputs, each channel for itself."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.convtr = DepthwiseKernel(dim, 4)

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, 2T, C)."""
        batch, length, channels = x.shape
        x = after_past(self, x, 1, state)[:, :, None]
        new, old = once(self.convtr, halves)
        return (x[:, 1:] * new + x[:, :-1] * old).reshape(batch, 2 * length, channels)
