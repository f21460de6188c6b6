"""What a backbone that does not learn writes behind what is heard: how surprised it is at the right words."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from language.model import LanguageModel
from language.sequences import Builder, positions


class Writing:
    """Transcription as the engine asks for it, of many clips at once."""

    def __init__(self, model: LanguageModel, build: Builder) -> None:
        self.model, self.build = model, build
        asks = build.begin("Perform ASR.")
        asks.say(build.texts.template("<|im_start|>user\n"))
        self.asks = asks.ids
        self.behind = np.array([*build.texts.template("<|im_end|>\n"), *build.texts.template("<|im_start|>assistant\n")])

    def __call__(self, heard: Tensor, samples: np.ndarray, texts: list[str], unread: float = 0.0) -> Tensor:
        """Cross-entropy (nats a token) of texts behind what is heard (B, T, hidden) of so many samples each.

        `unread`: share of its own words that are not read: what comes next is to be heard, not guessed.
        """
        device = heard.device
        words = [np.append(self.build.texts(text)[0], self.build.names.im_end) for text in texts]
        every = torch.from_numpy(np.concatenate([self.asks, self.behind, *words])).to(device)
        asks, behind = np.arange(len(self.asks)), len(self.asks) + np.arange(len(self.behind))
        rows, place, clip = [], len(asks) + len(behind), len(every)
        read = torch.rand(len(every), 1, device=device) >= unread
        read[:place] = True
        table = torch.cat([self.model.lfm.embed_tokens(every) * read, heard.flatten(0, 1)])
        for own, text in zip(map(positions, samples.tolist()), words, strict=True):
            rows.append(np.concatenate([asks, clip + np.arange(own), behind, place + np.arange(len(text) - 1)]))
            place, clip = place + len(text), clip + heard.shape[1]
        length = max(map(len, rows))
        padded = np.array([np.pad(row, (0, length - len(row))) for row in rows])
        ends = [n * length + len(row) for n, row in enumerate(rows)]
        said_from = np.concatenate([np.arange(end - len(text), end) for end, text in zip(ends, words, strict=True)])
        x = table.index_select(0, torch.from_numpy(padded.ravel()).to(device)).unflatten(0, padded.shape)
        hidden = self.model.lfm(x).flatten(0, 1)[torch.from_numpy(said_from).to(device)]
        return F.cross_entropy(self.model.words(hidden).float(), torch.from_numpy(np.concatenate(words)).to(device))
