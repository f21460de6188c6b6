"""Every number equals the reference's, on both families."""

from pathlib import Path

import numpy as np
import pytest

from tests import parity


@pytest.mark.parametrize("as_stored", [False, True], ids=["MLX's modules", "loops"])
@pytest.mark.parametrize("family", ["lfm25-tiny", "lfm2-tiny"])
def test_every_golden_is_met(golden_folders: dict[str, Path], family: str, as_stored: bool) -> None:
    rows = list(parity.rows(golden_folders[family], as_stored))
    assert not [row for row in rows if not row.passed]
    assert len(rows) == (16 if family == "lfm25-tiny" else 15), [row.name for row in rows]


def test_a_number_past_its_tolerance_is_reported() -> None:
    golden = np.array([1.0, 2.0])
    assert parity.floats("x", golden, golden).passed
    assert not parity.floats("x", golden * 1.001, golden).passed
    assert not parity.floats("x", golden * np.nan, golden).passed
    assert not parity.floats("x", golden[:1], golden).passed
    assert not parity.equal("x", [1, 2], [1, 3]).passed
    assert not parity.equal("x", [1], [1, 1]).passed
