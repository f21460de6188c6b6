"""The three endpoints, as a program calls them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from lfm.errors import ContextFull
from lfm.options import SPEAK
from lfm.ui.trouble import UNEXPECTED
from tests.fake_engine import TEXT, FakeEngine


def samples(path: str) -> np.ndarray:
    pcm, rate = soundfile.read(path, dtype="int16")
    assert rate == 24_000
    return pcm


def test_only_the_three_endpoints_are_public(client: Client) -> None:
    named: Any = client.view_api(return_format="dict", print_info=False)
    assert set(named["named_endpoints"]) == {"/transcribe", "/speak", "/chat"}
    assert not named["unnamed_endpoints"]
    names = [parameter["parameter_name"] for parameter in named["named_endpoints"]["/speak"]["parameters"]]
    assert names == ["text", "voice", "decoder", "seed"]


def test_transcribe_gives_the_words_of_the_file(client: Client, engine: FakeEngine, wav: Callable[..., str]) -> None:
    assert client.predict(handle_file(wav("a.wav", 1.5)), api_name="/transcribe") == " ".join(TEXT.split()[:13])
    heard: Any = engine.asked[0]["audio"]
    assert heard.seconds == 1.5


def test_speak_gives_a_lossless_wav_and_passes_every_choice_on(client: Client, engine: FakeEngine) -> None:
    path = client.predict("Good morning.", "UK male", "Mimi", 7, api_name="/speak")
    np.testing.assert_array_equal(samples(path), engine.sound)
    asked: Any = engine.asked[0]
    assert (asked["text"], asked["voice"]) == ("Good morning.", "UK male")
    assert (asked["options"].decoder, asked["options"].seed, asked["options"].audio) == ("Mimi", 7, SPEAK.audio)


def test_speak_leaves_decoder_and_seed_to_the_model_when_they_are_not_given(client: Client, engine: FakeEngine) -> None:
    client.predict(text="Good morning.", voice="US female", api_name="/speak")
    options: Any = engine.asked[0]["options"]
    assert options.decoder is None
    assert options.seed is None


def test_chat_answers_text_sound_or_both(client: Client, engine: FakeEngine, wav: Callable[..., str]) -> None:
    text, path = client.predict("Hello", api_name="/chat")
    assert text == " ".join(TEXT.split()[:13])
    np.testing.assert_array_equal(samples(path), engine.sound)
    client.predict(None, handle_file(wav("a.wav")), api_name="/chat")
    client.predict("And this?", handle_file(wav("b.wav", 2)), api_name="/chat")
    asked: Any = engine.asked
    assert [(one["text"], one["audio"] and one["audio"].seconds) for one in asked] == [("Hello", None), (None, 1.0), ("And this?", 2.0)]


def test_each_client_has_one_conversation_of_its_own(client: Client, engine: FakeEngine, url: str) -> None:
    client.predict("one", None, api_name="/chat")
    client.predict("two", None, api_name="/chat")
    Client(url, verbose=False).predict("three", None, api_name="/chat")
    first, second, third = (one["chat"] for one in engine.asked)
    assert first is second
    assert third is not first


def test_an_error_for_the_user_arrives_as_it_is_said(client: Client, engine: FakeEngine) -> None:
    engine.error = ContextFull("The conversation is full. Start a new one.")
    with pytest.raises(AppError, match="The conversation is full"):
        client.predict("Hello", api_name="/chat")


def test_any_other_error_is_a_plain_sentence_and_a_traceback_in_the_log(
    client: Client, engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.error = ZeroDivisionError("inner secret")
    with pytest.raises(AppError) as raised:
        client.predict("Hello", api_name="/chat")
    assert UNEXPECTED in str(raised.value)
    assert "inner secret" not in str(raised.value)
    assert "inner secret" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "endpoint", "words"),
    [
        ((), "/chat", "nothing to answer"),
        (("  ", "US male"), "/speak", "no text to speak"),
        (("Hi", "US male", "Vocoder", 1), "/speak", "Choose Detokenizer or Mimi"),
        ((None,), "/transcribe", "no sound"),
    ],
)
def test_a_call_with_something_missing_says_what(client: Client, arguments: tuple[object, ...], endpoint: str, words: str) -> None:
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name=endpoint)


def test_a_file_that_is_no_sound_is_named(client: Client, tmp_path: Any) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("no sound here")
    with pytest.raises(AppError, match=r"Could not read notes.wav"):
        client.predict(handle_file(str(path)), api_name="/transcribe")
