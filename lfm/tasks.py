"""The two single tasks, each a conversation of one turn: write down what is heard, say what is written."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lfm import prompts
from lfm.audio import Audio, audible, loudness, quietest_speech
from lfm.checkpoint import LoadedModel
from lfm.errors import AudioError, LfmError
from lfm.events import AudioChunk, Done, Event, OtherDecoding, Progress, TextDelta
from lfm.generate import Stopped, TokenGenerator
from lfm.meter import Meter, Reason
from lfm.options import Options
from lfm.pieces import cut_sound, cut_text, worded
from lfm.rendering import decode_again
from lfm.schedule import Sequential
from lfm.session import Session, hear

READS_WORDS = "This model reads English words alone. Write some, or choose another model."


def transcribe(loaded: LoadedModel, generator: TokenGenerator, audio: Audio, options: Options, stopped: Stopped) -> Iterator[Event]:
    """Write down what is said. Long recordings go in pieces."""
    meter = Meter()
    if audio.seconds < 0.1:
        raise AudioError(f"Only {audio.seconds:.1f} s of sound. Hold the button while you talk.")
    audible(audio)
    pieces, done, written, least = cut_sound(audio, loaded.info.longest), 0.0, False, quietest_speech(audio)
    reason: Reason = "end"
    for i, piece in enumerate(pieces):
        if i and piece.seconds < 0.1:
            break
        if max(loudness(piece)) >= least:  # in a pause a model would make words up
            if written:
                yield TextDelta(" ")
            written = True
            for event in _written_down(loaded, generator, piece, options, stopped, meter):
                if isinstance(event, Done):
                    reason = event.reason
                else:
                    yield event
            if reason == "cancelled":
                break
        done += piece.seconds
        meter.add(audio_seconds=piece.seconds)
        yield Progress(done, audio.seconds)
    yield meter.done(reason)


def _written_down(
    loaded: LoadedModel, generator: TokenGenerator, piece: Audio, options: Options, stopped: Stopped, meter: Meter
) -> Iterator[Event]:
    session, beams = Session(loaded, generator), options.beams or loaded.beams
    session.begin("", hear(piece, loaded), prompts.transcribe(loaded.info))
    limit = replace(options, with_audio=False, max_tokens=min(options.max_tokens, 32 + int(12 * piece.seconds)))
    if beams > 1:
        return session.write(beams, limit, stopped, meter)
    return session.answer(Sequential(loaded.tokenizer.audio_start, loaded.tokenizer.im_end), limit, stopped, meter)


def speak(loaded: LoadedModel, generator: TokenGenerator, text: str, voice: str, options: Options, stopped: Stopped) -> Iterator[Event]:
    """Say a text. Long ones go sentence by sentence; each is then decoded once more where a second decoder is to be compared."""
    meter = Meter()
    pieces = cut_text(worded(text, loaded.info), loaded.info.one_by_one)
    if not pieces:
        unread = loaded.info.words_alone and text.strip()
        raise LfmError(READS_WORDS if unread else "There is nothing to say yet. Write something first.")
    if loaded.info.voices and voice not in loaded.info.voices:
        raise LfmError(f"{loaded.info.family} has no voice {voice!r}. Choose one of: {', '.join(loaded.info.voices)}.")
    reason: Reason = "end"
    for piece in pieces:
        before = meter.stats.audio_seconds
        for first in ((), (loaded.tokenizer.audio_start,)):  # who answers in words alone is asked again, the step into speech taken
            session = Session(loaded, generator)
            session.begin(piece, None, prompts.speak(loaded.info, voice))
            schedule = Sequential(loaded.tokenizer.audio_start, loaded.tokenizer.im_end)
            for word in first:
                session.conversation.word(word)
                schedule.after_word(word)
            for event in session.answer(schedule, options, stopped, meter):
                if isinstance(event, Done):
                    reason = event.reason
                elif isinstance(event, AudioChunk):
                    yield event
            if reason == "cancelled" or meter.stats.audio_seconds > before:
                break
        if options.compare and reason != "cancelled":
            sound = [*decode_again(session.spoken(), loaded.decoder(options.compare), stopped)]
            yield OtherDecoding(np.concatenate([np.zeros(0, np.int16), *sound]), loaded.sample_rate)
        if reason == "cancelled" or stopped():
            reason = "cancelled"
            break
    yield meter.done(reason)
