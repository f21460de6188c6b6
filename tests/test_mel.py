"""The front end against librosa and against the traps that other ports fell into."""

import numpy as np
import pytest

from lfm.config import MelConfig
from lfm.errors import AudioError
from lfm.mel import log_mel, mel_filters, positions, window

CONFIG = MelConfig(sample_rate=16_000, features=128, n_fft=512, window=400, hop=160)


def test_the_filterbank_is_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    want = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=128)
    np.testing.assert_allclose(mel_filters(16_000, 512, 128), want, atol=1e-7)


def test_the_window_is_symmetric_and_centred() -> None:
    w = window(CONFIG)
    np.testing.assert_array_equal(w, w[::-1])
    assert w[:56].max() == 0 and w[56 + 199] > 0.99


@pytest.mark.parametrize("samples", [1600, 16_001, 16_159, 16_160, 16_161])
def test_frames_are_counted_as_the_reference_counts_and_the_last_is_zero(samples: int) -> None:
    mel = log_mel(np.random.default_rng(0).normal(size=samples).astype(np.float32), CONFIG)
    assert mel.shape == (1 + samples // 160, 128)
    assert not mel[-1].any() and mel[-2].any()
    np.testing.assert_allclose(mel[:-1].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(mel[:-1].std(axis=0, ddof=1), 1, atol=1e-3)


def test_no_dither_twice_gives_the_same() -> None:
    samples = np.random.default_rng(1).normal(size=5000).astype(np.float32)
    np.testing.assert_array_equal(log_mel(samples, CONFIG), log_mel(samples, CONFIG))


def test_a_clip_too_short_for_the_encoder_is_refused_with_words() -> None:
    with pytest.raises(AudioError, match=r"0\.05 s"):
        log_mel(np.zeros(800, np.float32), CONFIG)


def test_silence_stays_finite() -> None:
    assert np.isfinite(log_mel(np.zeros(16_000, np.float32), CONFIG)).all()


def test_eight_frames_make_a_position() -> None:
    assert [positions(n) for n in (9, 16, 17)] == [2, 2, 3]
