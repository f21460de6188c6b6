"""Train the text tokenizer: byte-level BPE with the published ids of the control tokens.

python -m language.tokenizer --data DATA      -> DATA/language/tokenizer.json
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from corpus import chat
from lfm import prompts
from lfm.family import VOICES
from lfm.random_model import CONTROL
from lfm.tokenizer import Tokenizer as EngineTokenizer

VOCABULARY = 2048
ASKED, ANSWERED = 4, 60  # a text of the conversation counts as much as so many sentences: few tokens an answer, so that no word is late
# words with their leading space, numbers in digits of at most three, runs of punctuation: the split of the published tokenizer
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def control_tokens() -> list[str]:
    """Ids 0 to 133, as published."""
    return [CONTROL.get(i, f"<|unused_{i}|>") for i in range(max(CONTROL) + 1)]


def texts(data: Path) -> Iterator[str]:
    """All that is said or asked; nothing of the test."""
    yield from (data / "sentences.txt").read_text().splitlines()
    for question in chat.questions():
        if question.split != "test":
            yield from [question.text] * ASKED
    fixed = [prompts.CHAT, "Perform ASR.", *(f"Perform TTS. Use the {voice} voice." for voice in VOICES["LFM2.5-Audio"])]
    for text in [*(r.text for r in chat.replies()), *fixed]:
        yield from [text] * ANSWERED


def train(corpus: Iterator[str], size: int = VOCABULARY) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(name, normalized=False, special=True) for name in control_tokens()]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    path = args.data / "language" / "tokenizer.json"
    path.parent.mkdir(exist_ok=True)
    tokenizer = train(texts(args.data))
    tokenizer.save(str(path))

    assert tokenizer.get_vocab_size() == VOCABULARY
    for i, name in enumerate(control_tokens()):
        assert tokenizer.token_to_id(name) == i, name
    engine = EngineTokenizer(path)  # the engine finds its control tokens
    lines = list(texts(args.data))
    assert all(engine.decode(engine.encode_plain(line)) == line for line in lines), "a text does not survive"
    characters, tokens = sum(map(len, lines)), sum(len(engine.encode_plain(line)) for line in lines)
    print(f"{path}: {VOCABULARY} tokens, {path.stat().st_size / 1e3:.0f} kB, {characters / tokens:.2f} characters a token")


if __name__ == "__main__":
    main()
