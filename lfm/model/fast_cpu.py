"""What MLX does slowly on a Linux CPU, done another way there; on a GPU it is MLX's own.

Two things were measured. A BLAS packs the right-hand matrix for every product, so with few rows the weights belong on the left:
1.5 times the rate at 50 rows, nothing gained at 250, where turning the result round costs what the product saves. And exp is
scalar while products and sums are vectorised: the logistic function by a quotient of polynomials takes a quarter of the time.
"""

import mlx.core as mx
import mlx.nn as nn

ROWS = range(17, 129)  # where the weights are put on the left
FEW_NUMBERS = 1 << 15  # up to here one slow operation costs less than twenty fast ones

# tanh(x) = x P(x²) / Q(x²) to float32's last digits, coefficients as in Eigen (ptanh_float, generic_fast_tanh)
P = (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05,
     6.37261928875436e-04, 4.89352455891786e-03)  # fmt: skip
Q = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
LARGEST = 7.90531110763549805  # tanh is 1 beyond it


def on_cpu() -> bool:
    return mx.default_device() == mx.cpu


class Linear(nn.Linear):
    """y = W x + b."""

    def __call__(self, x: mx.array) -> mx.array:
        rows = x.size // x.shape[-1]
        if rows not in ROWS or not on_cpu():
            return super().__call__(x)
        columns = x.reshape(rows, -1).T
        y = mx.addmm(self.bias[:, None], self.weight, columns) if "bias" in self else self.weight @ columns
        return mx.contiguous(y.T).reshape(*x.shape[:-1], -1)


def polynomial(x: mx.array, coefficients: tuple[float, ...]) -> mx.array:
    value = coefficients[1] + coefficients[0] * x
    for coefficient in coefficients[2:]:
        value = value * x + coefficient
    return value


def sigmoid(x: mx.array) -> mx.array:
    if x.size <= FEW_NUMBERS or x.dtype != mx.float32 or not on_cpu():
        return mx.sigmoid(x)
    half = mx.clip(0.5 * x, -LARGEST, LARGEST)
    square = half * half
    return 0.5 + 0.5 * half * polynomial(square, P) / polynomial(square, Q)


def silu(x: mx.array) -> mx.array:
    return nn.silu(x) if x.size <= FEW_NUMBERS or not on_cpu() else x * sigmoid(x)
