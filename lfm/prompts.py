"""The published system prompts: the models were trained on these words and follow few others."""

from lfm.status import ModelInfo

CHAT = "Respond with interleaved text and audio."


def transcribe(info: ModelInfo) -> str:
    """For recognition."""
    return "Perform ASR in japanese." if info.family == "LFM2.5-Audio-JP" else "Perform ASR."


def speak(info: ModelInfo, voice: str) -> str:
    """For synthesis, with one of the model's voices or, where it has none, a description of one."""
    if info.family == "LFM2.5-Audio-JP":
        return "Perform TTS in japanese."
    if info.voices:
        return f"Perform TTS. Use the {voice} voice."
    return f"Perform TTS.\nUse the following voice: {voice}" if voice.strip() else "Perform TTS."
