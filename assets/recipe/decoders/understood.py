"""What a decoder learns besides likeness: that its sound is understood."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.phones import CLASSES, RATE
from language.conformer import Conformer
from language.hearing import LogMel
from language.sizes import config_json
from language.store import RATE as HEARING_RATE
from language.store import SLOTS
from lfm.config import MelConfig
from lfm.sizes import POCKET
from training import device

WINDOW, HOP, N_FFT = 614, 307, 1024  # 25.6 and 12.8 ms, as STOI's 256 and 128 samples of 10 kHz
BANDS, LOWEST, STRETCH = 15, 150.0, 30  # thirds of an octave, Hz, windows correlated at once
QUIET = 40.0  # dB below the loudest window, from where STOI looks away


class Envelopes(nn.Module):
    """How little the loudness of each third of an octave moves like the recording's, 0.4 s at a time.

    That is STOI (Taal et al. 2011), without its clipping, and with silent stretches weighing nothing instead of being cut out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW))
        bins = torch.linspace(0, RATE / 2, N_FFT // 2 + 1)[:, None]
        centre = LOWEST * 2 ** (torch.arange(BANDS) / 3)
        self.register_buffer("bands", ((bins >= centre * 2 ** (-1 / 6)) & (bins < centre * 2 ** (1 / 6))).float())

    def envelopes(self, wav: Tensor) -> Tensor:
        """(B, T) -> (B, bands, windows)."""
        spectrum = torch.stft(wav, N_FFT, HOP, WINDOW, self.window, return_complex=True)
        power = torch.view_as_real(spectrum).square().sum(-1)
        return (power.mT @ self.bands + 1e-9).sqrt().mT

    def __call__(self, made: Tensor, real: Tensor) -> Tensor:
        """(B, T) twice, T at least 0.4 s -> one minus the mean correlation."""
        wanted = self.envelopes(real)
        loudness = 10 * wanted.square().sum(1).log10()  # (B, windows)
        heard = (loudness > loudness.amax(1, keepdim=True) - QUIET).float().unfold(1, STRETCH, 1).mean(-1)  # (B, stretches)

        def stretches(x: Tensor) -> Tensor:
            x = x.unfold(2, STRETCH, 1)
            return F.normalize(x - x.mean(-1, keepdim=True), dim=-1, eps=1e-6)

        alike = (stretches(self.envelopes(made)) * stretches(wanted)).sum(-1).mean(1)  # (B, stretches)
        return 1 - (alike * heard).sum() / heard.sum().clamp(min=1e-6)


class Listener(nn.Module):
    """The checkpoint's own encoder, which has learned to tell phones: it must hear in what is made what it hears in the recording."""

    def __init__(self, run: Path) -> None:
        """`run`: a folder of `language.train`."""
        super().__init__()
        config = config_json(POCKET)
        self.conformer = Conformer(config["encoder"] | {"dropout": 0.0, "dropout_att": 0.0})
        self.phones = nn.Linear(config["encoder"]["d_model"], SLOTS * CLASSES)
        weights = torch.load(run / "last.pt", map_location="cpu", weights_only=True)["model"]
        for part, prefix in ((self.conformer, "model.conformer."), (self.phones, "helps.heard.")):
            part.load_state_dict({name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)})
        self.eval().requires_grad_(False)
        self.mel = LogMel(MelConfig.from_dict(config["preprocessor"]), device())

    def hear(self, wav: Tensor) -> Tensor:
        """(B, T) at 24 kHz -> log-probabilities of phones (B, positions, 4, classes)."""
        size = wav.shape[1] * HEARING_RATE // RATE
        wave = torch.fft.irfft(torch.fft.rfft(wav)[:, : size // 2 + 1], size) * (size / wav.shape[1])
        mel, lengths = self.mel(wave, torch.full((len(wave),), size, device=wave.device))
        return self.phones(self.conformer(mel, lengths)).unflatten(-1, (SLOTS, CLASSES)).log_softmax(-1)

    def __call__(self, made: Tensor, real: Tensor) -> Tensor:
        """(B, T) twice -> how much less is known of the phones, in nats of 20 ms."""
        with torch.no_grad():
            wanted = self.hear(real)
        return F.kl_div(self.hear(made), wanted, reduction="none", log_target=True).sum(-1).mean()
