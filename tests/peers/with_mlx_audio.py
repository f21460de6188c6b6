"""PyPI mlx-audio, the other implementation in MLX."""

from collections.abc import Iterator
from time import perf_counter

import mlx.core as mx
from ask import arguments, median_of_three, report, timed
from mlx_audio.sts.models.lfm_audio.model import LFM2AudioModel, LFMModality


def main() -> None:
    folder, question, _, tokens, seconds = arguments()
    began = perf_counter()
    model = LFM2AudioModel.from_pretrained(folder)
    spent = perf_counter() - began
    mel, long = mx.array(question["mel"])[None], mx.array(question["long_mel"])[None]
    encoder = median_of_three(lambda: mx.eval(model._encode_audio(long)))
    heard, _ = model._encode_audio(mel)
    before, after = question["before"].tolist(), question["after"].tolist()
    flags = [LFMModality.TEXT] * len(before) + [LFMModality.AUDIO_IN] * heard.shape[1] + [LFMModality.TEXT] * len(after)

    def kinds() -> Iterator[str]:
        for token, kind in model.generate_interleaved(
            text_tokens=mx.array([*before, *after])[None],
            audio_features=mel,
            modalities=mx.array([int(flag) for flag in flags])[None],
            max_new_tokens=tokens,
            audio_temperature=1.0,
            audio_top_k=4,
        ):
            mx.eval(token)
            yield "word" if kind == LFMModality.TEXT else "frame"

    report(spent, encoder, timed(kinds(), seconds))


if __name__ == "__main__":
    main()
