"""How surprised the model is at what it was to say, once it hears it: from the text through codes, sound and encoder, all of it one graph.

A drawn code counts as what it is, and its gradient as that of the softmax it was drawn from (straight through, 1308.3432; of speech,
2505.17589). What hears is the model as it began, which does not learn.
"""

from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detokenizer.model import PER_FRAME, Detokenizer
from language.batches import Batch
from language.hearing import worsened
from language.losses import READ_OUT, Losses
from language.saying import Said, drawn
from language.sequences import Builder
from language.writing import Writing
from lfm.config import END_OF_AUDIO

SOFT = 2.0  # logits of the softmax that gradients go through; sharper ones carry none
LOUDEST = 6.0  # log magnitude
HEAR_FRAME = 1280  # samples of a frame as it is heard
TEMPO = (18, 19, 20, 21, 22)  # twentieths of its length that speech is heard at


class OwnEar(nn.Module):
    """What is said, to its losses."""

    def __init__(self, losses: Losses, detokenizer: Detokenizer, build: Builder) -> None:
        super().__init__()
        self.losses, self.model, self.before = losses, losses.model, deepcopy(losses.model)
        self.detokenizer, self.misheard = detokenizer, Writing(self.before, build)
        self.requires_grad_(False).eval()
        for part in (self.model.lfm.layers, self.model.depth_linear, self.model.depthformer):
            part.requires_grad_(True)

    def forward(self, spoken: Said, rng: np.random.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Its surprise at what was to be said (nats a token), how unlike before its codes are, and how many are drawn again.

        `rng` disturbs the sound, as in training.
        """
        frames, device = spoken.codes.shape[1], spoken.ids.device
        own = torch.from_numpy(np.arange(frames + 1) < spoken.frames[:, None]).to(device)  # (B, F + 1)
        codes = torch.where(own[:, :-1, None], spoken.codes, END_OF_AUDIO)
        x = torch.cat([self.model.lfm.embed_tokens(spoken.ids), self.model.spoken(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])], 1)
        ended = F.pad(codes, (0, 0, 0, 1), value=END_OF_AUDIO).flatten(0, 1)
        first = spoken.ids.shape[1] - 1
        logits = self.model.frames(self.model.lfm(x)[:, first:].flatten(0, 1), ended, READ_OUT)
        with torch.no_grad():
            usual = self.before.frames(self.before.lfm(x)[:, first:].flatten(0, 1), ended, READ_OUT)
        counted = (F.pad(own[:, :-1], (1, 0), value=True), own)  # the first book alone says where it ends
        unlike = torch.stack([apart(now, then, at.flatten()) for now, then, at in zip(logits, usual, counted, strict=True)]).sum()

        by_frame = [book.unflatten(0, own.shape)[:, :-1, :END_OF_AUDIO] for book in logits]
        vectors, same = self.vectors(codes.clamp(max=END_OF_AUDIO - 1), by_frame, own[:, :-1])
        each = HEAR_FRAME * int(rng.choice(TEMPO)) // 20 if rng is not None else HEAR_FRAME
        wave, total = self.wave(vectors, spoken.frames, each), torch.from_numpy(spoken.frames * each).to(device)
        mel, lengths = self.losses.mel(worsened(wave, total) if rng is not None else wave, total)
        _, heard = self.before.heard(mel, lengths)
        return self.misheard(heard, spoken.frames * each, spoken.texts), unlike, same

    def vectors(self, codes: Tensor, logits: list[Tensor], own: Tensor) -> tuple[Tensor, Tensor]:
        """What the detokenizer reads, (B, F, width), of codes drawn anew from logits (B, F, 2048), and how many are as before (B, F, 8).

        The books that are not drawn are as they were; what is not one's `own` (B, F) is nothing.
        """
        table = self.detokenizer.emb.emb.weight.unflatten(0, (codes.shape[-1], -1))
        vectors, same = codes.new_zeros((), dtype=torch.float32), codes.new_zeros((), dtype=torch.float32)
        for book in range(codes.shape[-1]):
            if book >= READ_OUT:
                vectors = vectors + table[book][codes[..., book]]
                continue
            chance = (SOFT * logits[book].float()).softmax(-1)
            again = drawn(logits[book].detach().flatten(0, 1)).view(own.shape)
            vectors = vectors + table[book][again] + (chance - chance.detach()) @ table[book]
            same = same + ((again == codes[..., book]) & own).sum() / own.sum() / READ_OUT
        return vectors / codes.shape[-1] * own[..., None], same

    def wave(self, vectors: Tensor, frames: np.ndarray, each: int) -> Tensor:
        """Sound at 16 kHz (B, samples) of vectors (B, F, width), `each` samples a frame: more is slower."""
        size, angle = self.detokenizer.lin(self.detokenizer.lfm(vectors.repeat_interleave(PER_FRAME, 1))).mT.chunk(2, 1)
        wave = self.detokenizer.istft(torch.polar(size.clamp(max=LOUDEST).exp(), angle.contiguous()))
        own = torch.from_numpy(frames).to(wave.device) * (wave.shape[1] // vectors.shape[1])
        spectrum = torch.fft.rfft(wave * (torch.arange(wave.shape[1], device=wave.device) < own[:, None]))
        length = vectors.shape[1] * each
        return torch.fft.irfft(spectrum[:, : length // 2 + 1], length) * (length / wave.shape[1])

    def moved(self, batch: Batch) -> Tensor:
        """How far the backbone's states are from before, squared, of what they were, where other tasks read them."""
        with torch.no_grad():
            x, _ = self.losses.embedded(batch)
            before = self.before.lfm(x).flatten(0, 1)
        read = torch.cat([batch.word_from, batch.frame_place - 1])
        now, before = self.model.lfm(x).flatten(0, 1)[read], before[read]
        return (now - before).square().sum() / before.square().sum()


def apart(logits: Tensor, usual: Tensor, counted: Tensor) -> Tensor:
    """Mean divergence from the usual chances to those of logits (N, codes), where it counts (N,)."""
    found = F.kl_div(logits.float().log_softmax(-1), usual.float().log_softmax(-1), log_target=True, reduction="none").sum(-1)
    return (found * counted).sum() / counted.sum()
