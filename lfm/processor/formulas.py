"""What exp is part of, as sums and products, so that a loop takes several numbers at once: the C library's takes one."""

from typing import Any

import numpy as np

from lfm.processor.compiled import inline

Number = Any  # float32, which type checkers do not take for Python's float

LOG2_E = np.float32(1.44269504088896341)
LN_2 = np.float32(0.693147180559945309)


@inline
def exponential(x: Number) -> Number:
    """exp(x) to float32's last digits; what float32 cannot hold is its smallest or largest. Coefficients as in Cephes (expf)."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    whole = np.floor(x * LOG2_E + np.float32(0.5))
    r = x - whole * LN_2
    y = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
    y = y * r + np.float32(8.3334519073e-3)
    y = y * r + np.float32(4.1665795894e-2)
    y = y * r + np.float32(1.6666665459e-1)
    y = y * r + np.float32(5.0000001201e-1)
    y = y * r * r + r + np.float32(1)
    return y * np.uint32(np.uint32(np.int32(whole) + np.int32(127)) << np.uint32(23)).view(np.float32)


@inline
def silu(x: Number) -> Number:
    """x, weighed by the logistic function of itself."""
    return x / (np.float32(1) + exponential(-x))


@inline
def gelu(x: Number) -> Number:
    """x, weighed by the normal distribution up to it; erf to 2e-7, as Abramowitz and Stegun have it (7.1.26)."""
    z = abs(x) * np.float32(0.70710678118654752)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    y = np.float32(1.061405429) * t + np.float32(-1.453152027)
    y = y * t + np.float32(1.421413741)
    y = y * t + np.float32(-0.284496736)
    y = y * t + np.float32(0.254829592)
    beyond = np.float32(0.5) * y * t * exponential(-z * z)  # of the distribution, from |x| on
    return x * (np.float32(1) - beyond) if x > 0 else x * beyond


@inline
def logistic(x: Number) -> Number:
    """From nought to one."""
    return np.float32(1) / (np.float32(1) + exponential(-x))
