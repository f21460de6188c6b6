"""Each part of the model alone: what one call costs, beside what reading its weights or doing its sums must cost."""

from collections.abc import Iterator

from lfm.bench.floors import Probe, beside, encoder_operations, nbytes
from lfm.bench.report import Row
from lfm.bench.works import Work, Works, noise
from lfm.rendering import MOST

CLIP = 20  # seconds of sound for the encoder
PREFILL = 256  # positions
HISTORIES = (0, 1024, 4096, 16_384)
QUESTION = 32  # positions of a second turn
REPEATS = 9


class Parts:
    """Times the parts of one loaded model."""

    def __init__(self, works: Works, probe: Probe) -> None:
        self.works, self.model, self.config, self.probe = works, works.model, works.config, probe

    def rows(self) -> Iterator[Row]:
        yield self.encoder()
        yield self.prefill()
        yield self.reading("backbone step", self.works.step(), nbytes(*self.model.lfm.layers))
        yield self.reading("text head", self.works.head(), nbytes(self.model.lfm.embed_tokens))
        yield self.frame()
        yield from self.decoders()
        yield from self.second_turns()

    def reading(self, name: str, work: Work, weights: int) -> Row:
        """A part whose floor is to read its weights once."""
        spent, rate = beside(work, self.probe.read, REPEATS)
        return Row(name, 1e3 * spent, "ms", 1e3 * weights / rate)

    def encoder(self) -> Row:
        sound = noise(CLIP, self.config.mel.sample_rate)
        spent, rate = beside(self.works.encoder(sound), self.probe.multiply, 3)
        operations = encoder_operations(self.config.encoder, self.model.hidden_size, len(sound) // self.config.mel.hop + 1)
        return Row("mel and encoder, a second of sound", 1e3 * spent / CLIP, "ms", 1e3 * operations / rate / CLIP)

    def prefill(self) -> Row:
        spent, rate = beside(self.works.prefill(PREFILL), self.probe.multiply, 3)
        operations = 2 * PREFILL * self._weights()
        return Row("prefill, a position", 1e3 * spent / PREFILL, "ms", 1e3 * operations / rate / PREFILL)

    def _weights(self) -> int:
        """Weights of the backbone's matrices, a quantised one counting for what it stands for."""
        lfm = self.config.lfm
        head_dim = lfm.hidden_size // lfm.n_heads
        attention = (lfm.n_heads + 2 * lfm.n_kv_heads) * head_dim * lfm.hidden_size + lfm.hidden_size**2
        mixing = sum(4 * lfm.hidden_size**2 if kind == "conv" else attention for kind in lfm.layer_types)
        return mixing + len(lfm.layer_types) * 3 * lfm.hidden_size * lfm.ff_size

    def frame(self) -> Row:
        """Eight passes through the depthformer, which must be read each time, and each codebook's head once."""
        model = self.model
        weights = model.codebooks * nbytes(model.depthformer) + nbytes(model.depth_linear, *model.depth_embeddings)
        return self.reading("depthformer frame", self.works.frame(), weights)

    def decoders(self) -> Iterator[Row]:
        """A frame of a stream, 80 ms of sound: the first, which comes alone, and each of those that are decoded at once."""
        for name in self.works.loaded.decoders:
            for frames in (1, MOST):
                spent, _ = beside(self.works.decoder(name, frames), self.probe.read, REPEATS)
                how = "alone" if frames == 1 else f"of {frames} at once"
                yield Row(f"{name}, a frame of 80 ms {how}", 1e3 * spent / frames, "ms")

    def second_turns(self) -> Iterator[Row]:
        """Feeding a question behind histories of growing length: only attention may cost more."""
        for length in HISTORIES:
            spent, _ = beside(self.works.prefill(QUESTION, length), self.probe.read, 3)
            yield Row(f"second turn of {QUESTION} positions behind {length}", 1e3 * spent, "ms")
