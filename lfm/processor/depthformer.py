"""The depthformer in the place of MLX's: a frame is one loop, unless somebody wants to choose its codes in another way."""

from functools import partial
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numba import typeof

from lfm.model.depthformer import DepthEmbedding, Depthformer, Sample
from lfm.processor.blocks import turns_of
from lfm.processor.frame import frame
from lfm.processor.stored import rows_of
from lfm.sampling import Draws


class LoopedDepthformer(Depthformer):
    """Blocks and tables are those of the loops already."""

    _fixed: tuple[Any, ...]  # what the loop is given beside inputs and what draws

    def __init__(self, depthformer: Depthformer, tables: list[Any]) -> None:
        nn.Module.__init__(self)
        self.layers = depthformer.layers
        blocks: list[Any] = self.layers
        heads = (each.to_logits if "to_logits" in each else each.embedding for each in tables)
        books = tuple((*each.embedding_norm._normed, each.embedding.matrix, head.matrix) for each, head in zip(tables, heads, strict=True))
        turns = turns_of(*blocks[0]._turns, 0, len(tables))
        layers = tuple((block._answered, block._fed) for block in blocks)
        self._fixed = layers, books, *turns, blocks[0]._heads[0]
        self._alike = all(len(set(map(typeof, each))) == 1 for each in (layers, books))  # a conversion may pack some and others not

    def frame(self, inputs: mx.array, tables: list[DepthEmbedding], sample: Sample) -> tuple[mx.array, mx.array]:
        """As `Depthformer.frame`."""
        if not self._alike or not isinstance(sample, Draws) or sample.sampling.top_p < 1 or sample.sampling.min_p > 0:
            return super().frame(inputs, tables, sample)
        temperature = 0.0 if sample.sampling.greedy else float(np.asarray(sample.temperature))
        uniform = mx.vmap(partial(one_each, len(tables[0].embedding.weight)))(sample.keys)
        codes, logits = frame(rows_of(inputs), temperature, sample.sampling.top_k, rows_of(uniform), *self._fixed)
        return mx.array(codes), mx.array(logits)


def one_each(vocab: int, key: mx.array) -> mx.array:
    """A number from nought to one for each token, (vocab,): what `mx.random.categorical` makes of a key."""
    return mx.random.uniform(shape=(vocab,), key=key)
