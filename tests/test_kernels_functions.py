"""Functions of kernels: at most 2.5 units in the last place, limits, parity, the same bits at every width."""

import numpy as np
import pytest
from kernel_tools import vectorised

from sam_theory.kernels._functions import FUNCTIONS

WIDTHS = (1, 2, 4, 8, 16, 32)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_lane_has_the_same_bits_at_every_width(name: str) -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.uniform(-20, 20, 96), np.ldexp(rng.uniform(-1, 1, 96), rng.integers(-1000, 1000, 96))])
    results = [vectorised(FUNCTIONS[name], width)(x).tobytes() for width in WIDTHS]
    assert len(set(results)) == 1
