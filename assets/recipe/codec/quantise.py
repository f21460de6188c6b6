"""Training of Mimi's codebooks: nearest centroids now, moving averages after the step.

moshi's own modules update their buffers inside the forward pass and start each book from one
batch. Here a step only reads the books, so that the halves of a batch may run in two threads, and
k-means sees 20,000 latents.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from moshi.models.compression import MimiModel
from moshi.quantization.core_vq import EuclideanCodebook
from torch import Tensor

KMEANS_VECTORS, KMEANS_ROUNDS = 20_000, 20
KEPT_VECTORS = 4_000  # what an expired centroid is redrawn from
EXPIRED, REVIVED = 0.1, 0.5  # of the mean usage
EPSILON = 1e-5  # as moshi's, where usage divides


@dataclass
class Quantised:
    """One split of the quantiser on a batch."""

    vectors: Tensor  # (B, D, T) straight-through
    penalty: Tensor  # commitment: mean square distance to the centroids, over levels
    seen: list[tuple[Tensor, Tensor]]  # per level: residuals (N, D), codes (N,)


def books(mimi: MimiModel) -> list[EuclideanCodebook]:
    """The semantic book, then the acoustic ones."""
    first, rest = mimi.quantizer.rvq_first.vq, mimi.quantizer.rvq_rest.vq
    return [layer._codebook for layer in (*first.layers, *rest.layers)]


def nearest(vectors: Tensor, centroids: Tensor) -> Tensor:
    """(N, D), (K, D) -> (N,) index of the nearest centroid."""
    likeness = F.linear(vectors, centroids, -0.5 * centroids.square().sum(-1))
    if likeness.device.type == "cpu":  # NumPy finds the largest twenty times as fast
        return torch.from_numpy(likeness.float().numpy().argmax(-1))
    return likeness.argmax(-1)


def quantise(levels: list[EuclideanCodebook], z: Tensor) -> Quantised:
    """Residual quantisation of (B, D, T) by the given books."""
    flat = z.transpose(1, 2).reshape(-1, z.shape[1])
    residual, total = flat, torch.zeros_like(flat)
    losses, seen = [], []
    for book in levels:
        with torch.no_grad():
            code = nearest(residual, book.embedding)
            chosen = book.embedding[code]
            seen.append((residual.detach(), code))
        losses.append((residual - chosen).square().mean())
        residual = residual - chosen
        total = total + chosen
    total = flat + (total - flat).detach()
    vectors = total.unflatten(0, (z.shape[0], -1)).transpose(1, 2)
    return Quantised(vectors, torch.stack(losses).mean(), seen)


def store(book: EuclideanCodebook, centroids: Tensor, usage: Tensor) -> None:
    """Set a book's averages; the cached embedding is dropped."""
    book.cluster_usage.copy_(usage)
    book.embedding_sum.copy_(centroids * usage.clamp(min=EPSILON)[:, None])
    book._embedding = None
    book._initialized.fill_(1)


class Averages:
    """Keeps every book at the mean of the latents that chose it."""

    def __init__(self, mimi: MimiModel) -> None:
        self.books = books(mimi)
        self.kept: list[Tensor] = [b.embedding_sum[:0].clone() for b in self.books]

    @torch.no_grad()
    def start(self, first: Tensor, rest: Tensor) -> None:
        """k-means, level by level, on latents (N, D) of the unquantised first steps."""
        for n, book in enumerate(self.books):
            if n == 0:
                self._start(book, first)
            else:
                rest = rest - self._start(book, rest)

    def _start(self, book: EuclideanCodebook, vectors: Tensor) -> Tensor:
        size = book.codebook_size
        centroids = vectors[torch.randperm(len(vectors))[:size]]
        for _ in range(KMEANS_ROUNDS):
            code = nearest(vectors, centroids)
            count = torch.bincount(code, minlength=size)
            total = torch.zeros_like(centroids).index_add_(0, code, vectors)
            drawn = vectors[torch.randint(len(vectors), (size,))]
            means = total / count.clamp(min=1)[:, None]
            centroids = torch.where(count[:, None] > 0, means, drawn)
        # one vector of weight a book entry: a few hundred steps then outweigh the start
        store(book, centroids, torch.full((size,), 1.0))
        return centroids[nearest(vectors, centroids)]

    @torch.no_grad()
    def update(self, seen: list[list[tuple[Tensor, Tensor]]], decay: float) -> None:
        """Move averages towards what this step saw; books left out of the step keep theirs."""
        for n, (book, parts) in enumerate(zip(self.books, seen, strict=False)):
            vectors = torch.cat([v for v, _ in parts])
            codes = torch.cat([c for _, c in parts])
            count = torch.bincount(codes, minlength=book.codebook_size).float()
            total = torch.zeros_like(book.embedding_sum).index_add_(0, codes, vectors)
            book.cluster_usage.lerp_(count, 1 - decay)
            book.embedding_sum.lerp_(total, 1 - decay)
            book._embedding = None
            self.kept[n] = torch.cat([self.kept[n], vectors])[-KEPT_VECTORS:]

    @torch.no_grad()
    def revive(self) -> float:
        """Redraw the centroids that nothing chooses; the share of them."""
        shares = []
        for book, kept in zip(self.books, self.kept, strict=True):
            usage = book.cluster_usage
            dead = usage < EXPIRED * usage.mean()
            shares.append(dead.float().mean())
            if dead.any() and len(kept) >= KEPT_VECTORS:
                fresh = kept[torch.randint(len(kept), (int(dead.sum()),))]
                usage[dead] = REVIVED * usage.mean()
                book.embedding_sum[dead] = fresh * usage[dead][:, None]
                book._embedding = None
        return float(torch.stack(shares).mean())

    def entropies(self) -> list[float]:
        """Of each book's usage, 1 = uniform."""
        out = []
        for book in self.books:
            p = book.cluster_usage / book.cluster_usage.sum()
            out.append(float(-(p * p.clamp(min=1e-12).log()).sum() / math.log(len(p))))
        return out
