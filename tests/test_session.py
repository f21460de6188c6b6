"""A conversation keeps its state in the model, and that changes nothing but the cost."""

from dataclasses import replace
from itertools import count

import mlx.core as mx
import numpy as np
import pytest

from lfm.checkpoint import LoadedModel
from lfm.conversation import Heard, Spoken
from lfm.errors import AudioError, ContextFull, LfmError
from lfm.events import AudioChunk, Event
from lfm.generate import TokenGenerator
from lfm.model.state import State
from lfm.options import GREEDY, DecoderName, Options
from lfm.schedule import Interleaved
from lfm.session import Session
from tests.asking import SILENCE, last, never, question, session
from tests.parity import tokens

OPTIONS = Options(audio=GREEDY, max_tokens=30)


def ask(chat: Session, seed: int, options: Options = OPTIONS, stop_after: int | None = None) -> list[Event]:
    """One spoken turn, stopped after so many words and frames."""
    prefilled = len(chat.conversation)
    said = count()

    def stopped() -> bool:
        """Looked at while the prompt is fed, when nothing is in the history yet, and after each word and frame."""
        answering = chat.fed == len(chat.conversation.segments) and len(chat.conversation) > prefilled
        return stop_after is not None and (stop_after == 0 or (answering and next(said) + 1 == stop_after))

    return list(chat.reply(None, question(seed), options, None, stopped))


def answered_anew(chat: Session, segments: int) -> list[list[int]]:
    """What the model says after the first `segments` of a conversation, all encoded from the start, greedily."""
    loaded = chat.loaded
    names, config = loaded.tokenizer, loaded.config
    schedule = Interleaved(config.interleaved_n_text, config.interleaved_n_audio, names.text_end, names.im_end)
    return tokens(loaded, chat.conversation.segments[:segments], schedule, OPTIONS.max_tokens)


def answer_in_history(chat: Session, start: int) -> list[list[int]]:
    """The words and frames of the last answer, which begins at segment `start`."""
    said = chat.conversation.segments[start:-1]  # without the closing template
    return [s.codes[0].tolist() if isinstance(s, Spoken) else list(s.ids) for s in said if not isinstance(s, Heard)]


def start_of_answer(chat: Session) -> int:
    """The segment after the last opening of the assistant's turn."""
    opening = tuple(chat.loaded.tokenizer.encode("<|im_start|>assistant\n"))
    return max(i for i, s in enumerate(chat.conversation.segments) if getattr(s, "ids", None) == opening) + 1


@pytest.mark.parametrize("stop_second", [None, 9])
def test_three_turns_with_kept_state_are_the_same_turns_encoded_anew(lfm25: LoadedModel, stop_second: int | None) -> None:
    chat = session(lfm25)
    for turn in range(3):
        events = ask(chat, turn, stop_after=stop_second if turn == 1 else None)
        assert last(events).reason == ("cancelled" if stop_second and turn == 1 else "length")
        start = start_of_answer(chat)
        said = answer_in_history(chat, start)
        assert said == answered_anew(chat, start)[: len(said)]
        assert len(said) == (stop_second if stop_second and turn == 1 else OPTIONS.max_tokens)


def test_a_turn_feeds_only_what_is_new(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    first, before = last(ask(chat, 0)).stats, len(chat.conversation)
    second = last(ask(chat, 1)).stats
    names = chat.loaded.tokenizer
    heard = next(len(s) for s in chat.conversation.segments if isinstance(s, Heard))
    template = sum(len(names.encode(t)) for t in ("<|im_end|>\n", "<|im_start|>user\n", "<|im_end|>\n", "<|im_start|>assistant\n"))
    assert second.prompt_tokens == template + heard
    assert first.prompt_tokens == before - OPTIONS.max_tokens - len(names.encode("<|im_end|>\n"))


def test_frames_stay_in_the_history_as_codes_the_last_one_too(lfm2: LoadedModel) -> None:
    chat = session(lfm2)
    events = ask(chat, 0, Options(audio=GREEDY, max_tokens=60))
    frames = [s.codes[0] for s in chat.conversation.segments if isinstance(s, Spoken)]
    assert len(frames) == last(events).stats.audio_frames
    sounding = [codes for codes in frames if codes[0] != 2048]
    assert all((codes == 2048).all() for codes in frames if codes[0] == 2048)
    samples = sum(len(event.pcm) for event in events if isinstance(event, AudioChunk))
    assert samples == 1920 * len(sounding)


@pytest.mark.parametrize("decoder", ["Mimi", "Detokenizer"])
def test_the_streamed_sound_is_the_decoded_history(lfm25: LoadedModel, decoder: DecoderName) -> None:
    chat = session(lfm25)
    events = ask(chat, 3, Options(audio=GREEDY, max_tokens=18, decoder=decoder))  # one stretch of six words and twelve frames
    frames = np.concatenate([s.codes for s in chat.conversation.segments if isinstance(s, Spoken)])
    ended = frames[:, 0] == 2048
    assert len(frames) == 12 and not ended[:-1].any(), "choose another question: this one ends its sound early"
    want = np.array(lfm25.decoders[decoder].decode(mx.array(frames[~ended])[None]))[0]
    got = np.concatenate([event.pcm for event in events if isinstance(event, AudioChunk)])
    np.testing.assert_allclose(got, np.clip(want * 32767, -32768, 32767), atol=1.01)


def test_stopping_before_the_first_word_leaves_no_turn(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    ask(chat, 0)
    before = list(chat.conversation.segments)
    assert last(ask(chat, 1, stop_after=0)).reason == "cancelled"
    assert chat.conversation.segments == before and len(chat.turns) == 1
    ask(chat, 2)
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)


def test_an_error_in_the_middle_leaves_a_conversation_that_goes_on(lfm25: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = session(lfm25)
    ask(chat, 0)
    real = TokenGenerator._step
    calls = iter(range(100))

    def failing(self: TokenGenerator, *rest: object) -> object:
        if next(calls) == 5:
            raise MemoryError("out of memory")
        return real(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(TokenGenerator, "_step", failing)
    with pytest.raises(MemoryError):
        ask(chat, 1)
    monkeypatch.undo()
    ask(chat, 2)
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)
    assert len(chat.turns) == 3


def test_undo_takes_back_question_and_answer(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    ask(chat, 0)
    before = list(chat.conversation.segments)
    ask(chat, 1)
    chat.undo()
    assert chat.conversation.segments == before
    ask(chat, 2)
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)


def test_a_question_asked_again_takes_the_place_of_the_first(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    ask(chat, 0)
    before = list(chat.conversation.segments)
    ask(chat, 1)
    list(chat.reply(None, question(2), OPTIONS, None, never, again=True))
    assert len(chat.turns) == 2 and chat.conversation.segments[: len(before)] == before
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)


def test_asking_again_in_vain_keeps_the_answer_that_was_there(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    ask(chat, 0)
    ask(chat, 1)
    before = list(chat.conversation.segments)
    list(chat.reply(None, question(1), OPTIONS, None, lambda: True, again=True))  # stopped before the first word
    assert chat.conversation.segments == before and len(chat.turns) == 2
    with pytest.raises(LfmError):
        list(chat.reply(" ", None, OPTIONS, None, never, again=True))
    assert chat.conversation.segments == before and len(chat.turns) == 2
    ask(chat, 2)
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)
    chat.undo()
    chat.undo()
    ask(chat, 3)
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)


@pytest.mark.parametrize(("context", "kept"), [(4096, 4), (500, 3), (240, 1), (140, 0)])
def test_a_full_conversation_keeps_its_last_turns(lfm25: LoadedModel, context: int, kept: int) -> None:
    chat = session(lfm25)
    for turn in range(4):
        ask(chat, turn)
    end = chat.conversation.segments[chat.turns[-kept].segments :] if kept else []
    chat.loaded = replace(lfm25, info=replace(lfm25.info, context=context))
    chat.shorten()
    assert len(chat.turns) == kept
    assert kept == 0 or kept == 4 or len(chat.conversation) <= context / 2
    assert not end or chat.conversation.segments[-len(end) :] == end
    chat.loaded = lfm25
    for turn in (4, 5):
        ask(chat, turn)
        start = start_of_answer(chat)
        assert answer_in_history(chat, start) == answered_anew(chat, start)
    for _ in range(3 if kept else 2):  # back into what was there before
        chat.undo()
    ask(chat, 6)
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)


def test_a_question_that_never_fits_says_so(lfm25: LoadedModel) -> None:
    chat = session(replace(lfm25, info=replace(lfm25.info, context=70)))
    with pytest.raises(ContextFull, match="too long for one question"):
        ask(chat, 0)


def test_a_full_context_is_refused_before_it_is_hit(lfm25: LoadedModel) -> None:
    small = replace(lfm25, info=replace(lfm25.info, context=160))
    chat = session(small)
    ask(chat, 0)
    before = list(chat.conversation.segments)
    with pytest.raises(ContextFull, match="Start a new one"):
        for turn in range(10):
            before = list(chat.conversation.segments)
            ask(chat, turn)
    assert chat.conversation.segments == before
    assert len(chat.conversation) <= 160


def test_an_empty_turn_is_refused_with_words(lfm25: LoadedModel) -> None:
    with pytest.raises(LfmError, match="Say or type"):
        list(session(lfm25).reply("  ", None, OPTIONS, None, never))


def test_a_silent_recording_is_refused_and_the_conversation_goes_on(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    ask(chat, 0)
    before = list(chat.conversation.segments)
    with pytest.raises(AudioError, match="silent"):
        list(chat.reply(None, SILENCE, OPTIONS, None, never))
    assert chat.conversation.segments == before
    ask(chat, 1)
    start = start_of_answer(chat)
    assert answer_in_history(chat, start) == answered_anew(chat, start)


def test_text_and_sound_go_into_one_turn(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    list(chat.reply("hello", question(0), OPTIONS, None, never))
    kinds = [type(s).__name__ for s in chat.conversation.segments]
    at = kinds.index("Heard")
    assert chat.conversation.segments[at + 1].ids == tuple(lfm25.tokenizer.encode_plain("hello"))  # type: ignore[union-attr]


def test_text_only_answers_make_no_sound(lfm25: LoadedModel) -> None:
    chat = session(lfm25)
    events = ask(chat, 0, Options(audio=GREEDY, max_tokens=40, with_audio=False))
    assert not any(isinstance(event, AudioChunk) for event in events)
    assert last(events).stats.text_tokens > 5


def test_the_same_seed_repeats_an_answer_and_another_does_not(lfm25: LoadedModel) -> None:
    def sound(seed: int) -> bytes:
        options = Options(max_tokens=30, seed=seed)
        events = session(lfm25).reply("hello", None, options, None, never)
        return b"".join(event.pcm.tobytes() for event in events if isinstance(event, AudioChunk))

    assert sound(1) == sound(1) != sound(2)


def test_the_state_of_a_new_session_is_empty(lfm25: LoadedModel) -> None:
    assert session(lfm25).state.arrays() == State().arrays() == []
