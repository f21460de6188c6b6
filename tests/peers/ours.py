"""Ours, as a peer of its peers."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from ask import arguments, median_of_three, report, timed

import lfm  # noqa: F401  the fast BLAS, before MLX
from lfm.checkpoint import load
from lfm.conversation import Heard, Text
from lfm.generate import TokenGenerator, Word
from lfm.mel import log_mel
from lfm.model.state import State
from lfm.options import Options
from lfm.rehearsal import rehearsal
from lfm.schedule import Interleaved


def main() -> None:
    import mlx.core as mx

    folder, question, dtype, tokens, seconds = arguments()
    began = perf_counter()
    loaded = load(Path(folder), None if dtype == "float32" else dtype)
    spent = perf_counter() - began
    generator, names = TokenGenerator(loaded.model), loaded.tokenizer
    for _ in rehearsal(loaded, generator):
        pass
    encoder = median_of_three(lambda: mx.eval(loaded.model.embed_heard(mx.array(log_mel(question["long"], loaded.config.mel)))))

    def kinds() -> Iterator[str]:
        state = State()
        prompt = [Text(tuple(question["before"].tolist())), Heard(question["mel"]), Text(tuple(question["after"].tolist()))]
        hidden = generator.prefill(prompt, state)
        assert hidden is not None
        schedule = Interleaved(int(question["n_text"]), int(question["n_audio"]), names.text_end, names.im_end)
        for token in generator.generate(hidden, state, schedule, Options(max_tokens=tokens, seed=1), None):
            yield "word" if isinstance(token, Word) else "frame"

    report(spent, encoder, timed(kinds(), seconds))


if __name__ == "__main__":
    main()
