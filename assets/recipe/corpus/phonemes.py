"""How a text is pronounced, by espeak-ng, in the alphabet of phonemes that Kokoro reads."""
# ruff: noqa: RUF001 (these are the phonemes)

import re
import subprocess

# espeak-ng's IPA in Kokoro's alphabet; "^" is espeak's tie
IPA = {
    "a^ɪ": "I", "a^ʊ": "W", "d^ʒ": "ʤ", "e^ɪ": "A", "t^ʃ": "ʧ", "ɔ^ɪ": "Y", "o^ʊ": "O",
    "ə^ʊ": "Q", "ə^l": "ᵊl", "ʔ": "t", "r": "ɹ", "x": "k", "ç": "k", "ɐ": "ə", "ɬ": "l",
    "̃": "", "ɚ": "əɹ", "ɝ": "ɜɹ",
}  # fmt: skip


def phonemes(texts: list[str], language: str) -> list[str]:
    """Kokoro's phonemes of each text; punctuation is kept because it carries the intonation. One start of the program serves them all."""
    pieces = [re.findall(r"[^,;:.!?]+|[,;:.!?]", text) for text in texts]
    said = [piece.strip() for of_text in pieces for piece in of_text if piece.strip() and piece not in ",;:.!?"]
    command = ["espeak-ng", "-q", "--ipa=1", "--tie=^", "-v", language, "--stdin"]
    lines = subprocess.run(command, input="\n\n".join(said), capture_output=True, text=True, check=True).stdout.splitlines()
    found = [" ".join(line.split()) for line in lines if line.strip()]
    if len(found) != len(said):
        raise ValueError(f"{len(said)} phrases, but espeak-ng pronounced {len(found)}")
    ipa = iter(found)
    return [kokoro("".join(p + " " if p in ",;:.!?" else next(ipa) if p.strip() else "" for p in of_text), language) for of_text in pieces]


def kokoro(ipa: str, language: str) -> str:
    """espeak-ng's alphabet to Kokoro's."""
    for a, b in IPA.items():
        ipa = ipa.replace(a, b)
    ipa = ipa.replace("^", "")
    if language == "en-us":  # Kokoro writes the American vowels rhotic and without length
        ipa = re.sub("ɜːɹ?", "ɜɹ", ipa).replace("ɪə", "iə").replace("ː", "")
    return ipa.strip()
