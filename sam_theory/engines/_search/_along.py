"""Formulas along trajectories: in floats many steps in one run, since a run costs more than what it computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sam_theory.arithmetic import Arithmetic, Float64, Program
from sam_theory.engines._search._parameters import column
from sam_theory.engines._search._setting import Scene

__all__ = ["Place", "along"]

#: (t, w_t, w_{t+1}); the last where a formula needs it
Place = tuple[int, Any, Any]

#: numbers in an array beyond which a longer one is no faster
_BLOCK = 1 << 14


def along(
    scene: Scene,
    arithmetic: Arithmetic,
    program: Program,
    values: Mapping[str, Any],
    start: Any,
    places: Sequence[Place],
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(t, outputs of ``program``) at every place of the trajectories that begin in ``start``."""
    if not isinstance(arithmetic, Float64):
        for t, here, after in places:
            env = scene.environment(arithmetic, values, here, after, start, arithmetic.number(Fraction(t)))
            yield t, arithmetic.run(program, env, scene.loss)
        return
    n = start.shape[1]
    length = max(_BLOCK // max(n, 1), 1)
    for i in range(0, len(places), length):
        times, here, after = zip(*places[i : i + length], strict=True)
        m = len(times)
        env = scene.environment(
            arithmetic,
            {k: np.tile(v, m) for k, v in values.items()},
            np.concatenate(here, axis=1),
            None if after[0] is None else np.concatenate(after, axis=1),
            np.tile(start, m),
            np.repeat(np.array(times, dtype=float), n),
        )
        run = arithmetic.run(program, env, scene.loss)
        outputs = {k: column(v, m * n).reshape(m, n) for k, v in run.items()}
        for j, t in enumerate(times):
            yield t, {k: v[j] for k, v in outputs.items()}
