"""The reference, PyPI liquid-audio."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import torch
from ask import arguments, median_of_three, report, timed
from liquid_audio.model.conformer.processor import AudioToMelSpectrogramPreprocessor
from liquid_audio.model.lfm2_audio import LFM2AudioModel
from liquid_audio.utils import LFMModality, mel2emb_len


@torch.no_grad()
def main() -> None:
    folder, question, dtype, tokens, seconds = arguments()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    began = perf_counter()
    model = LFM2AudioModel.from_pretrained(Path(folder), dtype=getattr(torch, dtype), device=device).eval()
    spent = perf_counter() - began
    settings = json.loads((Path(folder) / "config.json").read_text())["preprocessor"]
    front_end = AudioToMelSpectrogramPreprocessor(**settings).eval().to(device)
    sound = torch.tensor(question["long"], device=device)[None]

    def encode() -> None:
        mel, lengths = front_end(sound, torch.tensor([sound.shape[1]], device=device))
        heard, _ = model.conformer(mel.to(model.depth_linear.weight.dtype), lengths)
        model.audio_adapter(heard.mT).float().cpu()

    encoder = median_of_three(encode)
    mel = torch.tensor(question["mel"].T, device=device)
    lengths = torch.tensor([mel.shape[1]], device=device)
    parts = (
        (LFMModality.TEXT, len(question["before"])),
        (LFMModality.AUDIO_IN, int(mel2emb_len(lengths)[0])),
        (LFMModality.TEXT, len(question["after"])),
    )
    flags = torch.cat([torch.full((1, n), int(kind), device=device) for kind, n in parts], dim=1)
    text = torch.tensor([*question["before"].tolist(), *question["after"].tolist()], device=device)[None]

    def kinds() -> Iterator[str]:
        for token in model.generate_interleaved(
            text=text,
            audio_in=mel,
            audio_in_lens=lengths,
            audio_out=torch.zeros((model.codebooks, 0), dtype=torch.long, device=device),
            modality_flag=flags,
            max_new_tokens=tokens,
            audio_temperature=1.0,
            audio_top_k=4,
        ):
            token.cpu()
            yield "word" if token.numel() == 1 else "frame"

    report(spent, encoder, timed(kinds(), seconds))


if __name__ == "__main__":
    main()
