"""A loaded model's modules give way to those of this package."""

import mlx.nn as nn
from mlx.utils import tree_map

from lfm.model.conformer import Conformer
from lfm.model.fast_cpu import RMSNorm, Strided
from lfm.model.formulas import ELU
from lfm.model.lfm2 import Lfm2Stack
from lfm.model.lfm_audio import LfmAudio
from lfm.model.mimi import Layers
from lfm.processor.blocks import LoopedBlock, LoopedNorm
from lfm.processor.depthformer import LoopedDepthformer
from lfm.processor.encoder import LoopedConformerLayer, LoopedGELU, LoopedStrided
from lfm.processor.mimi import LoopedELU, LoopedTransformerLayer
from lfm.processor.stored import StoredEmbedding, StoredLinear
from lfm.processor.tiles import COLUMNS


def multiply_as_stored(*models: nn.Module) -> None:
    """Replace all that multiplies, and the blocks and layers around it."""
    for model in models:
        model.update_modules(tree_map(instead_of, model.leaf_modules(), is_leaf=nn.Module.is_module))
        for part in model.modules():
            if isinstance(part, Lfm2Stack):
                part["layers"] = [LoopedBlock(block) for block in part.layers]
            elif isinstance(part, Layers):
                part["layers"] = [LoopedTransformerLayer(layer) for layer in part.layers]
            elif isinstance(part, Conformer):
                part["layers"] = [LoopedConformerLayer(layer) for layer in part.layers]
        if isinstance(model, LfmAudio):
            model.depthformer = LoopedDepthformer(model.depthformer, model.depth_embeddings)


def instead_of(leaf: nn.Module) -> nn.Module:
    """What replaces a module that has none inside it; most stay as they are."""
    match leaf:
        case nn.Linear() | nn.QuantizedLinear() if len(leaf.weight) >= COLUMNS:
            return StoredLinear(leaf)
        case nn.Embedding() | nn.QuantizedEmbedding():
            return StoredEmbedding(leaf)
        case RMSNorm():
            return LoopedNorm(leaf)
        case Strided():
            return LoopedStrided(leaf)
        case nn.GELU():
            return LoopedGELU()
        case ELU():
            return LoopedELU()
    return leaf
