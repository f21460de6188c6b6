"""What is minimised: the next word, the eight codes of the next frame, and six helps that are dropped at export.

The helps come from Kokoro's durations: the encoder says which phones it hears and looks like the same phones told, the backbone which word
sounds there and which phones the next frame holds, and two heads of one attention layer look where the text is being said (2407.17997,
2406.07855, 2509.19852). What this layer finds at the words of a text is how they are pronounced.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.phones import CLASSES, SILENCE, UNLABELLED
from detokenizer.data import neighbours
from language.batches import Batch
from language.hearing import LogMel, masked, rendered, worsened
from language.model import LanguageModel
from language.store import SLOTS
from lfm.config import END_OF_AUDIO
from lfm.random_model import CONTROL
from lfm.sizes import CODEBOOKS

GUIDED_HEADS = 2
MISHEARD = 0.05  # share of the phones told that are others
NOISE = 0.08  # share of the codes that are read as a neighbour's, as the model itself will err
UNHEARD = 0.15  # share of the frames that are not read at all: what comes next is to be told by the text, not known by heart
UNREAD = 0.05  # share of its own words that are not read: what comes next is to be heard, not guessed from a sentence known by heart
LETTERS = 6  # places for the phones of a word
LIKE_TOLD = 1.0
HEARD_WORDS = 0.5  # weight of the words that are heard; without it the phones were told apart, but not put together
SPELLED = 0.3
ASTRAY = 4.0  # of some 0.3 variances, where the codes cost 1.8 nats
END_WEIGHT = 2.0
SOUNDING = 4  # codebooks that carry the voices' sound (`voices.say`); each of the others holds one code throughout
READ_OUT = 2  # those of what is read out
BOOKS = (1.0, 0.7, 0.3, 0.2, *[0.02] * 4)  # weights
FEW = 16
TERMS = ("words", "codes", "book 0", "astray", "heard phones", "like told", "heard words", "next phones", "guide", "spelled")


@dataclass(frozen=True)
class Phase:
    """What changes as training goes on; `done` is the share of it that is over."""

    done: float

    @property
    def hearing(self) -> bool:
        """At first the encoder learns alone to tell phones, which costs half of what all else does and is needed by it."""
        return self.done < 0.15

    @property
    def rate(self) -> float:
        """Of the learning rate: constant, then down to nothing over the last quarter."""
        return min(1.0, (1 - self.done) / 0.25)

    @property
    def guide(self) -> float:
        return 0.5 * min(1.0, max(0.0, (0.75 - self.done) / 0.25))

    @property
    def heard_phones(self) -> float:
        return 1.0 if self.done < 0.5 else 0.3

    @property
    def next_phones(self) -> float:
        return 0.3 if self.done < 0.5 else 0.1


class Helps(nn.Module):
    """The heads that are dropped, and how phones are told to the backbone where no encoder has heard them."""

    def __init__(self, encoder: int, hidden: int) -> None:
        super().__init__()
        self.heard = nn.Linear(encoder, SLOTS * CLASSES)
        self.next = nn.Linear(hidden, SLOTS * CLASSES)
        self.spelled = nn.Linear(hidden, LETTERS * CLASSES)
        self.told = nn.Embedding(SLOTS * CLASSES, hidden)
        nn.init.normal_(self.told.weight, std=(SLOTS * hidden) ** -0.5)


class Losses(nn.Module):
    """A batch to its losses."""

    def __init__(
        self,
        model: LanguageModel,
        helps: Helps,
        mel: LogMel,
        samples: Tensor,
        codes: Tensor,
        slots: Tensor,
        centroids: Tensor,
    ) -> None:
        """
        Args:
            samples: (T,) int16, all that can be heard.
            codes: (n + 1, 8), all that can be said; the last row is end-of-audio.
            slots: (n + 1, 4) the phones of those frames.
            centroids: (8, 2048, 64) what each code stands for.
        """
        super().__init__()
        self.model, self.helps, self.mel = model, helps, mel
        self.samples, self.codes, self.slots, self.centroids = samples, codes, slots, centroids
        attention = [block.self_attn for block in model.lfm.layers if hasattr(block, "self_attn")]
        self.guided = attention[len(attention) // 2]
        self.guided.watch = True

    @cached_property
    def near(self) -> Tensor:
        """(8, 2048, 8) each code's neighbours."""
        return neighbours([*self.centroids])

    def encoded(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the encoder says of each heard position (H, C), and the same at the backbone's width (H, hidden)."""
        with torch.no_grad(), torch.autocast(batch.words.device.type, enabled=False):
            how = batch.renderings()
            wave = rendered(self.samples, how)
            mel, lengths = self.mel(worsened(wave, how.total) if self.training else wave, how.total)
            mel = masked(mel, lengths) if self.training else mel
        hidden, adapted = self.model.heard(mel, lengths)
        return hidden[batch.heard_row, batch.heard_column], adapted[batch.heard_row, batch.heard_column]

    def embedded(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Inputs of the backbone (rows, length, hidden), and what is encoded where something is heard."""
        model = self.model
        words = model.lfm.embed_tokens(batch.words)
        if self.training:
            words = words * self.read(batch)[:, None]
        pieces, places, encoded = [words], [batch.word_place], None
        if len(batch.frames):
            spoken = model.spoken(self.disturbed(self.codes[batch.frames]))
            if self.training:
                spoken = spoken * (torch.rand(len(spoken), 1, device=spoken.device) >= UNHEARD)
            pieces.append(spoken)
            places.append(batch.frame_place)
        if len(batch.told_place):
            pieces.append(self.told(batch.told_phones))
            places.append(batch.told_place)
        if len(batch.clips):
            encoded = self.encoded(batch)
            pieces.append(encoded[1])
            places.append(batch.heard_place)
        together = torch.cat([p.float() for p in pieces])
        x = torch.zeros(batch.rows * batch.length, together.shape[1], device=together.device)
        return x.index_copy(0, torch.cat(places), together).view(batch.rows, batch.length, -1), encoded

    def read(self, batch: Batch) -> Tensor:
        """(W,) false for some of the words that were to be predicted; control words are all read."""
        own = torch.zeros(batch.rows * batch.length, dtype=torch.bool, device=batch.words.device)
        own[batch.word_from + 1] = True
        own = own[batch.word_place] & (batch.words > max(CONTROL))
        return ~own | (torch.rand(len(own), device=own.device) >= UNREAD)

    def told(self, phones: Tensor) -> Tensor:
        """(T, 4) -> (T, hidden), now and then misheard."""
        if self.training:
            other = torch.randint_like(phones, CLASSES)
            phones = torch.where(torch.rand(phones.shape, device=phones.device) < MISHEARD, other, phones)
        return self.tables(phones)

    def tables(self, phones: Tensor) -> Tensor:
        """(T, 4) -> (T, hidden)."""
        places = torch.arange(SLOTS, device=phones.device) * CLASSES
        return F.embedding_bag(phones + places, self.helps.told.weight, mode="sum")

    def disturbed(self, codes: Tensor) -> Tensor:
        """Some codes (N, 8) as one of their neighbours."""
        if not self.training:
            return codes
        moved = (torch.rand(codes.shape, device=codes.device) < NOISE) & (codes < END_OF_AUDIO)
        pick = torch.randint(self.near.shape[-1], codes.shape, device=codes.device)
        books = torch.arange(CODEBOOKS, device=codes.device)
        return torch.where(moved, self.near[books, codes.clamp(max=END_OF_AUDIO - 1), pick], codes)

    def forward(self, batch: Batch, phase: Phase) -> tuple[Tensor, Tensor, Tensor]:
        """The weighted sum, its terms (10,), and the cross-entropy of each codebook (8,); nan where a batch has none."""
        if self.training and phase.hearing and len(batch.clips):
            loss = self.phones(self.helps.heard(self.encoded(batch)[0]), batch.heard_phones)
            none = loss.new_full((), float("nan"))
            heard = [loss.detach() if t == "heard phones" else none for t in TERMS]
            return loss, torch.stack(heard), none.repeat(CODEBOOKS)
        x, encoded = self.embedded(batch)
        hidden = self.model.lfm(x)
        flat = hidden.flatten(0, 1)
        none = flat.new_full((), float("nan"), dtype=torch.float32)
        terms, books = dict.fromkeys(TERMS, none), none.repeat(CODEBOOKS)
        loss = flat.new_zeros((), dtype=torch.float32)
        if len(batch.word_next):
            terms["words"] = F.cross_entropy(self.model.words(flat[batch.word_from]).float(), batch.word_next)
            loss = loss + terms["words"]
        if len(batch.frames):
            said = flat[batch.frame_place - 1]
            books, terms["astray"] = self.codebooks(said, self.codes[batch.frames])
            terms["codes"], terms["book 0"] = (books * torch.tensor(BOOKS, device=flat.device)).sum(), books[0].detach()
            terms["next phones"] = self.phones(self.helps.next(said), self.slots[batch.frames])
            loss = loss + terms["codes"] + ASTRAY * terms["astray"] + phase.next_phones * terms["next phones"]
        if encoded is not None:
            terms["heard phones"] = self.phones(self.helps.heard(encoded[0]), batch.heard_phones)
            terms["like told"] = self.like_told(encoded[1], batch.heard_phones)
            terms["heard words"] = self.being_said(flat[batch.heard_place], batch.heard_words)
            loss = loss + phase.heard_phones * terms["heard phones"] + LIKE_TOLD * terms["like told"] + HEARD_WORDS * terms["heard words"]
        if len(batch.told_place):
            loss = loss + HEARD_WORDS * self.being_said(flat[batch.told_place], batch.told_words)
        if len(batch.spelled_words):
            terms["spelled"] = self.pronounced(batch)
            loss = loss + SPELLED * terms["spelled"]
        if phase.guide and batch.guided:
            terms["guide"] = self.guide(batch)
            loss = loss + phase.guide * terms["guide"]
        return loss, torch.stack([terms[t].detach().float() for t in TERMS]), books.detach()

    def codebooks(self, hidden: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of each codebook (8,), where it trains of the still ones on a few of the frames; and how far they go `astray`."""
        picked = torch.arange(len(codes), device=codes.device)
        if self.training:
            picked = torch.randperm(len(codes), device=codes.device)[: -(-len(codes) // FEW)]
        weight = torch.where(codes[:, 0] == END_OF_AUDIO, END_WEIGHT, 1.0)

        def mean(logits: list[Tensor], codes: Tensor, weight: Tensor) -> list[Tensor]:
            each = [F.cross_entropy(logit.float(), codes[:, i], reduction="none") for i, logit in enumerate(logits)]
            return [(e * weight).sum() / weight.sum() for e in each]

        drawn = self.model.frames(hidden, codes, books=SOUNDING)
        sounding = mean(drawn, codes, weight)
        every = mean(self.model.frames(hidden[picked], codes[picked]), codes[picked], weight[picked])
        return torch.stack([*sounding, *every[SOUNDING:]]), self.astray(drawn[:READ_OUT], codes)

    def astray(self, logits: list[Tensor], codes: Tensor) -> Tensor:
        """How far what is drawn is to be expected from what is right, squared, in variances: a near miss is heard less than a far one."""
        sound = codes[:, 0] < END_OF_AUDIO
        off = logits[0].new_zeros((), dtype=torch.float32)
        with torch.autocast(codes.device.type, enabled=False):
            for logit, right, centroids in zip(logits, codes[sound].T, self.centroids, strict=False):
                chance = logit[sound, :END_OF_AUDIO].float().softmax(-1)
                wanted, size = centroids[right], centroids.square().sum(-1)
                squared = chance @ size - 2 * ((chance @ centroids) * wanted).sum(-1) + size[right]
                off = off + squared.mean() / centroids.var(0).sum()
        return off

    def phones(self, logits: Tensor, right: Tensor) -> Tensor:
        """(N, 4 * classes), (N, 4)."""
        return F.cross_entropy(logits.float().view(-1, CLASSES), right.flatten().long(), ignore_index=UNLABELLED)

    def being_said(self, states: Tensor, right: Tensor) -> Tensor:
        """Cross-entropy of the tokens (N,) that sound at the states (N, hidden): what is heard comes to look like what is written."""
        logits = self.model.words(F.rms_norm(states.float(), states.shape[-1:])).float()
        return F.cross_entropy(logits, right, ignore_index=-1, reduction="sum") / (right >= 0).sum().clamp(min=1)

    def like_told(self, adapted: Tensor, phones: Tensor) -> Tensor:
        """How far what is heard (H, hidden) is from the same phones (H, 4) told: what is learned from those then serves it too."""
        known = (phones != UNLABELLED).all(1)
        wanted = self.tables(phones[known]).detach().float()
        return (adapted[known].float() - wanted).square().sum() / wanted.square().sum().clamp(min=1e-6)

    def pronounced(self, batch: Batch) -> Tensor:
        """Minus the log of the right phones, by phone, however they are spread over the places of their text's words (CTC)."""
        logits = self.helps.spelled(self.guided.watched[0].flatten(0, 1)[batch.spelled_place])
        texts = (
            logits.float().unflatten(-1, (LETTERS, CLASSES)).log_softmax(-1).flatten(0, 1).split((batch.spelled_words * LETTERS).tolist())
        )
        padded = nn.utils.rnn.pad_sequence([*texts])
        return F.ctc_loss(padded, batch.phones, batch.spelled_words * LETTERS, batch.spelled_phones, blank=SILENCE, zero_infinity=True)

    def guide(self, batch: Batch) -> Tensor:
        """Minus the log of how much the guided heads look at the words around what is being said."""
        q, k = (t[:, :GUIDED_HEADS].float() for t in self.guided.watched[1:])
        scores = q @ k.mT * q.shape[-1] ** -0.5
        ahead = torch.ones(batch.length, batch.length, dtype=torch.bool, device=q.device).triu(1)
        looks = scores.masked_fill(ahead, float("-inf")).softmax(-1)
        off = batch.query[:, :, None] - batch.key[:, None]
        near = torch.exp(-0.5 * off.square()) * (batch.key[:, None] >= 0)
        seen = (looks * near[:, None]).sum(-1)  # (rows, heads, length)
        asked = (batch.query >= 0)[:, None].expand_as(seen)
        return -(seen[asked] + 1e-4).log().mean()
