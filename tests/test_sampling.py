"""Tokens are drawn as the reference draws them: threshold top-k that keeps ties, greedy where it is greedy."""

import mlx.core as mx
import numpy as np
import pytest

from lfm.options import Sampling
from lfm.sampling import draw

LOGITS = np.log(np.array([0.4, 0.2, 0.2, 0.1, 0.06, 0.04], np.float32))
DRAWS = 2000


def drawn(sampling: Sampling, logits: np.ndarray = LOGITS) -> np.ndarray:
    """The share of each token in many draws."""
    keys = mx.random.split(mx.random.key(1), DRAWS)
    tokens = mx.vmap(lambda key: draw(mx.array(logits), sampling, key))(keys)
    return np.bincount(np.array(tokens), minlength=len(logits)) / DRAWS


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=-1), Sampling(temperature=1.0, top_k=1), Sampling(top_k=4)])
def test_greedy_takes_the_likeliest(sampling: Sampling) -> None:
    assert sampling.greedy
    assert draw(mx.array(LOGITS), sampling, mx.random.key(0)).item() == 0


@pytest.mark.parametrize(
    ("sampling", "want"),
    [
        (Sampling(temperature=1.0), [0.4, 0.2, 0.2, 0.1, 0.06, 0.04]),
        (Sampling(temperature=1.0, top_k=3), [0.5, 0.25, 0.25, 0, 0, 0]),
        (Sampling(temperature=1.0, top_k=2), [0.5, 0.25, 0.25, 0, 0, 0]),  # the tie with the second is kept
        (Sampling(temperature=0.5, top_k=3), [2 / 3, 1 / 6, 1 / 6, 0, 0, 0]),
        (Sampling(temperature=1.0, top_k=99), [0.4, 0.2, 0.2, 0.1, 0.06, 0.04]),
        (Sampling(temperature=1.0, top_p=0.3), [1, 0, 0, 0, 0, 0]),
        (Sampling(temperature=1.0, top_p=0.85), [4 / 9, 2 / 9, 2 / 9, 1 / 9, 0, 0]),
        (Sampling(temperature=1.0, min_p=0.3), [0.5, 0.25, 0.25, 0, 0, 0]),
        (Sampling(temperature=1.0, top_k=3, top_p=0.4), [1, 0, 0, 0, 0, 0]),  # top-p looks at what top-k left
    ],
)
def test_shares_are_those_of_the_kept_tokens(sampling: Sampling, want: list[float]) -> None:
    shares = drawn(sampling)
    np.testing.assert_allclose(shares, want, atol=0.05)  # 0.05 is 4.5 standard deviations of 2000 draws
    assert not shares[np.array(want) == 0].any()


def test_the_same_key_repeats_and_another_differs() -> None:
    logits = mx.zeros((2049,))
    sampling = Sampling(temperature=1.0)
    first, again, other = (draw(logits, sampling, mx.random.key(seed)).item() for seed in (5, 5, 6))
    assert first == again != other
