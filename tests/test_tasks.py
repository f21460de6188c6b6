"""A recognition and a synthesis, each alone: what is left out, what is compared, what they end with."""

from dataclasses import replace

import numpy as np
import pytest

from lfm.audio import Audio
from lfm.checkpoint import LoadedModel
from lfm.errors import AudioError, LfmError
from lfm.events import AudioChunk, Event, OtherDecoding, Progress, TextDelta
from lfm.generate import TokenGenerator
from lfm.meter import Meter
from lfm.options import GREEDY, DecoderName, Options
from lfm.schedule import Sequential
from lfm.tasks import speak, transcribe
from tests.asking import OPTIONS, SILENCE, last, never, question, session


def test_recognition_and_synthesis_end_with_figures(lfm25: LoadedModel) -> None:
    generator = TokenGenerator(lfm25.model)
    heard = list(transcribe(lfm25, generator, question(0, 2.0), Options(max_tokens=10), never))
    assert last(heard).stats.audio_seconds == pytest.approx(2.0) and last(heard).stats.text_tokens > 0
    spoken = list(speak(lfm25, generator, "hello", "US male", Options(max_tokens=60, seed=1), never))
    assert last(spoken).stats.seconds > 0
    with pytest.raises(LfmError, match="US male"):
        list(speak(lfm25, generator, "hello", "Mickey", Options(), never))
    with pytest.raises(LfmError, match="nothing to say"):
        list(speak(lfm25, generator, " ", "US male", Options(), never))


def test_where_nobody_speaks_nothing_is_written_down(lfm25: LoadedModel) -> None:
    loaded = replace(lfm25, info=replace(lfm25.info, longest=4))
    hiss = Audio(question(1, 4.0).samples * np.float32(0.006), 16_000)
    spoken = question(2, 3.9).samples
    with_pauses = Audio(np.concatenate([hiss.samples, spoken, hiss.samples]), 16_000)

    def written(audio: Audio) -> list[Event]:
        return list(transcribe(loaded, TokenGenerator(loaded.model), audio, Options(audio=GREEDY, max_tokens=5), never))

    events = written(with_pauses)
    words = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert words == words.strip() and 0 < last(events).stats.text_tokens <= 2 * 5, "of four or five pieces one or two are spoken"
    heard = [event.done for event in events if isinstance(event, Progress)]
    assert len(heard) >= 4 and heard[-1] == pytest.approx(with_pauses.seconds)
    assert last(written(hiss)).stats.text_tokens > 0, "what is quiet throughout is heard all the same"
    slammed = hiss.samples.copy()
    slammed[:800] = 1.0
    both = Audio(np.concatenate([slammed, hiss.samples, hiss.samples]), 16_000)
    assert last(written(both)).stats.text_tokens > 3 * 4, "a slammed door makes nothing of what is said after it"


@pytest.mark.parametrize(("first", "second"), [("Detokenizer", "Mimi"), ("Mimi", "Detokenizer")])
def test_two_decoders_are_compared_on_the_same_frames(lfm25: LoadedModel, first: DecoderName, second: DecoderName) -> None:
    generator = TokenGenerator(lfm25.model)
    text = "One long sentence that goes on for a while. " * 8  # two pieces

    def said(options: Options, kind: type[AudioChunk] | type[OtherDecoding]) -> np.ndarray:
        events = speak(lfm25, generator, text, "US male", options, never)
        return np.concatenate([event.pcm for event in events if isinstance(event, kind)])

    options = Options(max_tokens=30, seed=3, decoder=first)
    both = replace(options, compare=second)
    np.testing.assert_array_equal(said(both, AudioChunk), said(options, AudioChunk))
    other = said(replace(options, decoder=second), AudioChunk)
    assert len(other)
    np.testing.assert_array_equal(said(both, OtherDecoding), other)


def test_a_model_that_answers_in_words_is_made_to_speak(lfm2: LoadedModel) -> None:
    options = Options(audio=GREEDY, max_tokens=20)
    generator = TokenGenerator(lfm2.model)
    asked = session(lfm2)
    asked.begin("hello", None, "Perform TTS.")
    plain = list(asked.answer(Sequential(128, 7), options, never, Meter()))
    assert last(plain).stats.audio_frames == 0, "choose another text: the model speaks by itself"
    events = list(speak(lfm2, generator, "hello", "", options, never))
    assert any(isinstance(event, AudioChunk) for event in events)


def test_a_silent_recording_is_refused(lfm25: LoadedModel) -> None:
    with pytest.raises(AudioError, match="silent"):
        list(transcribe(lfm25, TokenGenerator(lfm25.model), SILENCE, OPTIONS, never))
