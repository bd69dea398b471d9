"""How large a tile is: a pure function of what is computed, so that the same sweep has the same tiles everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sam_theory.arithmetic import Program
    from sam_theory.dynamics import Map

__all__ = ["numpy_seconds", "operations", "tile_size"]

_AIM = 0.16
"""Seconds that a tile should take: enough to make what it costs to hand it out and to store it small."""
_PER_OPERATION = {"numpy": 0.7e-9, "fast": 0.04e-9}
"""Seconds of an operation on one number, measured once on one machine; only the order of magnitude matters."""
_LEAST = {"numpy": 1024, "fast": 256}
"""Trajectories below which the interpreter, not the arithmetic, takes the time."""
_MULTIPLE = 64
_MOST_BYTES = 1 << 27
_WEIGHTS = {"call": 15.0, "power": 30.0, "sqrt": 4.0, "div": 3.0, "norm": 4.0, "unit": 8.0}
_OVERHEAD = 12.0
"""Operations a step on each coordinate that tell how the trajectory ends."""


def operations(map: Map, d: int, steps: int, observed: Iterable[tuple[Program, int]]) -> float:
    """Operations on numbers that one trajectory of ``steps`` steps in dimension ``d`` takes, roughly.

    ``observed`` are the programs of observables, and at how many steps each is evaluated.
    """
    once = _work(map.rule.program, map, d) + _OVERHEAD * d * len(map.state)
    return steps * once + sum(times * _work(program, map, d) for program, times in observed)


def numpy_seconds(operations: float, size: int) -> float:
    """Seconds that NumPy takes for ``size`` trajectories of so many operations each, in one process."""
    return _PER_OPERATION["numpy"] * operations * (size + _LEAST["numpy"])


def tile_size(map: Map, d: int, operations: float, size: int, backend: str) -> int:
    """Trajectories in a tile of a grid of ``size``, each of so many operations on ``"numpy"`` or ``"fast"``."""
    wanted = math.ceil(_AIM / (_PER_OPERATION[backend] * max(operations, 1.0)))
    number = max(_LEAST[backend], wanted)
    fitting = max(1, _MOST_BYTES // (8 * 24 * (d * len(map.state) + 4)))
    number = min(number, fitting)
    if number > _MULTIPLE:
        number -= number % _MULTIPLE
    return max(1, min(number, size))


def _work(program: Program, map: Map, d: int) -> float:
    total = 0.0
    for i, node in program:
        if node.op in ("number", "input"):
            continue
        if node.op in ("grad", "sample", "value"):
            name = {"grad": "gradient_program", "sample": "sample_program", "value": "value_program"}[node.op]
            inner = getattr(map.loss, name)
            total += d if inner is None else _work(inner, map, d)
        elif node.op == "matmul":
            total += 2.0 * d * d
        else:
            vector = program.kinds[i] == "v" or any(program.kinds[a] == "v" for a in node.args)
            total += _WEIGHTS.get(node.op, 1.0) * (d if vector and node.op != "component" else 1)
    return total
