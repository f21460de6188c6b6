"""How phones are told, where the table for it was dropped: as the encoder says them on average, by least squares."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from codec.phones import CLASSES, UNLABELLED
from language.batches import Batch
from language.losses import Losses
from language.store import SLOTS

RIDGE = 1.0  # positions: a phone that hardly occurs at a place stays near nothing


@torch.no_grad()
def as_heard(losses: Losses, batches: Iterable[Batch]) -> float:
    """Set the table to what is said of heard clips by their phones; the share of its square that is not explained."""
    table = losses.helps.told.weight
    counts = RIDGE * torch.eye(SLOTS * CLASSES, device=table.device)
    sums, squares = torch.zeros_like(table), table.new_zeros(())
    places = torch.arange(SLOTS, device=table.device) * CLASSES
    for batch in batches:
        adapted, phones = losses.encoded(batch)[1].float(), batch.heard_phones
        known = (phones != UNLABELLED).all(1)
        which = F.one_hot(phones[known] + places, SLOTS * CLASSES).sum(1).float()
        counts += which.T @ which
        sums += which.T @ adapted[known]
        squares += adapted[known].square().sum()
    table.copy_(torch.linalg.solve(counts, sums))
    return float(1 - (table * sums).sum() / squares)
