"""Draws from finite laws: each trajectory has its own stream, whatever batch it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sam_theory.dynamics._inputs import count
from sam_theory.dynamics._outcome import FloatArray
from sam_theory.errors import InputError
from sam_theory.rules import FiniteLaw

_HELD = 1 << 21
"""Uniform numbers drawn ahead, over all trajectories."""


def seed_of(laws: Mapping[str, FiniteLaw], rng: int | np.random.Generator | None) -> int:
    """The seed of all streams; a Generator gives one by a draw.  Raises InputError where one is needed and missing."""
    if not laws:
        return 0
    if rng is None:
        raise InputError(f"the rule draws {', '.join(laws)} at random; give rng=0 or a NumPy Generator")
    return int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else count(rng, "rng", 0)


class Draws:
    """The noise of n trajectories from ``first`` on; stream i is Philox keyed by SeedSequence(seed, spawn_key=(i,))."""

    def __init__(self, laws: Mapping[str, FiniteLaw], seed: int, n: int, first: int = 0) -> None:
        self.laws = dict(laws)
        if not self.laws:
            return
        self.block = max(1, min(512, _HELD // (n * len(self.laws) or 1)))
        self.columns = np.arange(n)
        self.streams = [
            np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(i,))))
            for i in range(first, first + n)
        ]
        self.tables = {
            name: (
                np.cumsum([float(p) for _, p in law.atoms])[:-1],
                np.array([float(v) for v, _ in law.atoms]),
            )
            for name, law in self.laws.items()
        }
        self.ahead: FloatArray | None = None

    def step(self, t: int) -> dict[str, Any]:
        """The values of every noise for step ``t`` = 1, 2, … in order."""
        if not self.laws:
            return {}
        place = (t - 1) % self.block
        if place == 0 or self.ahead is None:
            shape = (self.block, len(self.laws))
            self.ahead = np.stack([self.streams[i].random(shape) for i in self.columns], axis=-1)
        uniform = self.ahead[place]
        return {
            name: values[np.searchsorted(bounds, uniform[j], side="right")]
            for j, (name, (bounds, values)) in enumerate(self.tables.items())
        }

    def keep(self, columns: Any) -> None:
        """Forget the other trajectories."""
        if self.laws:
            self.columns = self.columns[columns]
            if self.ahead is not None:
                self.ahead = self.ahead[..., columns]
