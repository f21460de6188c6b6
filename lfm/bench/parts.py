"""Each part of the model alone: what one call costs, beside what reading its weights or doing its sums must cost."""

from collections.abc import Iterator

from lfm.bench.floors import Probe, beside, decoding, encoder_operations, nbytes, prefill_operations
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

    def reading(self, name: str, work: Work, weights: int, sums: float = 0, of: int = 1) -> Row:
        """A part whose floor is to read its weights once or, where they take longer, its sums, in seconds; `of`: as below."""
        return row(name, beside(work, lambda: max(weights / self.probe.read(), sums), REPEATS), of)

    def multiplying(self, name: str, work: Work, operations: int, of: int = 1) -> Row:
        """A part whose floor is its sums; `of`: the figures are of one of so many."""
        return row(name, beside(work, lambda: operations / self.probe.multiply(), 3), of)

    def encoder(self) -> Row:
        sound = noise(CLIP, self.config.mel.sample_rate)
        operations = encoder_operations(self.config.encoder, self.model.hidden_size, len(sound) // self.config.mel.hop + 1)
        return self.multiplying("mel and encoder, a second of sound", self.works.encoder(sound), operations, CLIP)

    def prefill(self) -> Row:
        operations = prefill_operations(self.config.lfm, PREFILL, 0)
        return self.multiplying("prefill, a position", self.works.prefill(PREFILL), operations, PREFILL)

    def frame(self) -> Row:
        """Eight passes through the depthformer, which must be read each time, and each codebook's head once."""
        model = self.model
        weights = model.codebooks * nbytes(model.depthformer) + nbytes(model.depth_linear, *model.depth_embeddings)
        return self.reading("depthformer frame", self.works.frame(), weights)

    def decoders(self) -> Iterator[Row]:
        """A frame of a stream, 80 ms of sound: the first, which comes alone, and each of those that are decoded at once."""
        multiply = self.probe.multiply()
        for name, decoder in self.works.loaded.decoders.items():
            for frames in (1, MOST):
                weights, operations = decoding(decoder, frames)
                how = "alone" if frames == 1 else f"of {frames} at once"
                work = self.works.decoder(name, frames)
                yield self.reading(f"{name}, a frame of 80 ms {how}", work, weights, operations / multiply, frames)

    def second_turns(self) -> Iterator[Row]:
        """Feeding a question behind histories of growing length: only attention may cost more."""
        for length in HISTORIES:
            operations = prefill_operations(self.config.lfm, QUESTION, length)
            name = f"second turn of {QUESTION} positions behind {length}"
            yield self.multiplying(name, self.works.prefill(QUESTION, length), operations)


def row(name: str, found: tuple[float, float], of: int = 1) -> Row:
    """Seconds that were measured, and those of the floor, as milliseconds of one of so many."""
    spent, floor = found
    return Row(name, 1e3 * spent / of, "ms", 1e3 * floor / of)
