"""Nothing falls back to float32 on the way: one stray array would double the bytes of every later step."""

import os
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from lfm.checkpoint import LoadedModel, load
from lfm.conversation import Heard, Spoken, Text
from lfm.generate import TokenGenerator, embed
from lfm.model.state import State
from lfm.options import CHAT, SPEAK, TRANSCRIBE, Options, Sampling
from lfm.schedule import Interleaved


@pytest.fixture(scope="module")
def half(golden_folders: dict[str, Path]) -> LoadedModel:
    return load(golden_folders["lfm25-tiny"], "bfloat16")


def test_every_weight_of_the_model_is_bfloat16(half: LoadedModel) -> None:
    parameters = tree_flatten(half.model.parameters())
    assert isinstance(parameters, list)
    assert {str(value.dtype) for _, value in parameters if isinstance(value, mx.array)} == {"mlx.core.bfloat16"}


def test_embeddings_state_and_steps_stay_bfloat16(half: LoadedModel) -> None:
    mel = np.random.default_rng(0).normal(size=(64, 128)).astype(np.float32)
    segments = [Text((1, 6, 200)), Heard(mel), Text((7, 6)), Spoken(np.full((2, 8), 5)), Text((7,))]
    assert embed(half.model, segments).dtype == mx.bfloat16

    generator, state = TokenGenerator(half.model), State()
    hidden = generator.prefill(segments, state)
    assert hidden is not None
    options = Options(audio=Sampling(temperature=1.0, top_k=4), max_tokens=12, seed=0)
    spoken = list(generator.generate(hidden, state, Interleaved(2, 4, 130, 7), options, None))
    assert len(spoken) == 12
    assert {array.dtype for array in state.arrays()} == {mx.bfloat16}
    assert half.model.text_logits(hidden).dtype == mx.bfloat16
    assert half.model.frame_and_logits(hidden, mx.argmax)[1].dtype == mx.bfloat16


def test_bfloat16_stays_near_float32(half: LoadedModel, lfm25: LoadedModel) -> None:
    segments = [Text(tuple(range(140, 200)))]
    want = np.array(lfm25.model(embed(lfm25.model, segments)))
    got = np.array(half.model(embed(half.model, segments)).astype(mx.float32))
    assert np.linalg.norm(got - want) / np.linalg.norm(want) < 0.03


def test_the_published_defaults_of_each_task() -> None:
    assert CHAT.text.greedy and TRANSCRIBE.text.greedy and SPEAK.text.greedy
    assert (CHAT.audio.temperature, CHAT.audio.top_k) == (1.0, 4)
    assert (SPEAK.audio.temperature, SPEAK.audio.top_k) == (0.8, 64)


@pytest.mark.parametrize(("given", "used"), [({}, "0"), ({"MLX_ENABLE_TF32": "1"}, "1")])
def test_float32_keeps_its_digits_on_a_gpu_unless_told_otherwise(given: dict[str, str], used: str) -> None:
    rest = {name: value for name, value in os.environ.items() if name != "MLX_ENABLE_TF32"}
    program = "import lfm, os; print(os.environ['MLX_ENABLE_TF32'])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True, env=rest | given).strip() == used
