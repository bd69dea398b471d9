"""In which order a kernel computes the steps of a program of vectors: passes over the coordinates.

A pass is one loop over all coordinates.  It sums what later passes need as scalars; the last one writes the next
state. Values of coordinates are computed again in each pass that needs them, since a product costs less than a
store and a load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sam_theory.arithmetic import Float64
from sam_theory.kernels._rolled import REDUCTIONS, Rolled

#: arguments whose sign, order or direction a value depends on
_JUMPS = {"sign": (0,), "select": (0, 1), "square": (0,), "power": (0, 1)}


@dataclass(frozen=True)
class Order:
    """The passes of a program.

    Parameters
    ----------
    rolled : Rolled
    reductions : tuple of tuples of int
        For each pass but the last, the reductions that it makes.
    gradients : tuple of tuples of int
        For each pass but the last, the steps that need all coordinates of a vector at once and give a vector: they
        are made before the pass, in memory.
    constants, varying : tuple of int
        Scalars that do not depend on the state and are needed beside it: those fixed in time, and those that change
        with the number of the step or the noise.  They are computed outside of the kernel.
    tables : tuple of int
        Vectors that are the same for all lanes and all steps, one constant for each coordinate.
    guarded : tuple of int
        Scalars that a lane's step is only good for within 2^±900: squared norms, and divisors.
    """

    rolled: Rolled
    reductions: tuple[tuple[int, ...], ...]
    gradients: tuple[tuple[int, ...], ...]
    constants: tuple[int, ...]
    varying: tuple[int, ...]
    tables: tuple[int, ...]
    guarded: tuple[int, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The vectors that are kept in memory between passes: gradients, and where they are taken."""
        steps = self.rolled.steps
        made = [i for level in self.gradients for i in level]
        places = [steps[i].args[0] for i in made if steps[steps[i].args[0]].op != "input"]
        return tuple(dict.fromkeys((*made, *places)))

    @property
    def memory(self) -> int:
        """Rows of memory for these, and for the entries of a product."""
        data: list[Any] = [self.rolled.steps[i].data for level in self.gradients for i in level]
        return len(self.kept) * self.rolled.dimension + max((f.rows * f.columns for f in data), default=0)

    def fused(self) -> frozenset[int]:
        """Products that a sum or difference may swallow, with one rounding in the place of two.

        No jump of a function depends on that sum: where two products cancel to 0 in the batch arithmetic, they must
        do so in a kernel if a direction is derived from it.
        """
        steps = self.rolled.steps
        outside = {*self.constants, *self.varying, *self.tables}
        delicate = [False] * len(steps)
        for i in reversed(range(len(steps))):
            for position, j in enumerate(steps[i].args):
                delicate[j] = delicate[j] or delicate[i] or position in _JUMPS.get(steps[i].op, ())
        moving: list[bool] = []  # what is the same at all times may be computed outside, where nothing is fused
        for step in steps:
            own = step.op in REDUCTIONS or step.op == "factored" or (step.op == "input" and step.size > 0)
            moving.append(own or any(moving[a] for a in step.args))
        sums = [i for i, step in enumerate(steps) if step.op in ("add", "sub") and moving[i] and not delicate[i]]
        return frozenset(j for i in sums for j in steps[i].args if steps[j].op == "mul" and j not in outside)

    def values(self, env: Mapping[str, Any], wanted: Iterable[int]) -> list[Any]:
        """The values of constants outside of the kernel, by the NumPy reference."""
        arithmetic = Float64()
        known: dict[int, Any] = {}

        def value(i: int) -> Any:
            if i not in known:
                step = self.rolled.steps[i]
                data: Any = step.data
                if step.op == "input":
                    known[i] = env[data]
                elif step.op == "number":
                    known[i] = arithmetic.number(data)
                elif step.op == "table":
                    known[i] = np.array([arithmetic.number(entry) for entry in data])
                else:
                    args = [value(a) for a in step.args]
                    with_data = step.op in ("ipow", "select", "call")
                    known[i] = _scalar(arithmetic, step.op, args, data if with_data else None)
            return known[i]

        return [value(i) for i in wanted]


def _scalar(arithmetic: Float64, op: str, args: list[Any], data: Any) -> Any:
    match op:
        case "call":
            return arithmetic.call(data[0], data[1], args[0])
        case "ipow":
            return arithmetic.ipow(args[0], data)
        case "select":
            return arithmetic.select(args[0], args[1], args[2], args[3], data)
    return getattr(arithmetic, op)(*args)


def ordered(rolled: Rolled, varying: Iterable[str], uniform: Iterable[str]) -> Order:
    """The passes of a program.

    Parameters
    ----------
    varying, uniform : names
        Scalar inputs that change from step to step; those that are the same for all lanes.
    """
    steps, moving, common = rolled.steps, frozenset(varying), frozenset(uniform)
    needed = _needed(rolled)
    level: dict[int, int] = {}
    #: what a value depends on: 0 what is common to all lanes, 1 the lane, 2 the step, 3 the state
    depends: dict[int, int] = {}
    for i in needed:
        step = steps[i]
        level[i] = max((level[a] for a in step.args), default=0)
        depends[i] = max((depends[a] for a in step.args), default=0)
        if step.op == "input":
            depends[i] = 3 if step.size else 2 if step.data in moving else 0 if step.data in common else 1
        if step.op in REDUCTIONS:
            level[i] += 1
            depends[i] = 3
        if step.op == "factored":
            level[i] += 1
    last = max(level[i] for i in rolled.outputs.values())
    found: list[list[int]] = [[] for _ in range(last)]
    made: list[list[int]] = [[] for _ in range(last)]
    for i in needed:
        if steps[i].op in REDUCTIONS or steps[i].op == "factored":
            (made if steps[i].size else found)[level[i] - 1].append(i)
    inside = [i for i in needed if depends[i] == 3 or (steps[i].size and depends[i])]
    edge = [a for a in dict.fromkeys(a for i in inside for a in steps[i].args) if a not in inside]
    scalars = [a for a in edge if not steps[a].size and steps[a].op != "number"]
    divisors = [steps[i].args[1] for i in inside if steps[i].op == "div" and not steps[i].size]
    guarded = [i for i in needed if steps[i].op == "square"] + [d for d in divisors if depends[d] == 3]
    return Order(
        rolled,
        tuple(map(tuple, found)),
        tuple(map(tuple, made)),
        tuple(a for a in scalars if depends[a] < 2),
        tuple(a for a in scalars if depends[a] == 2),
        tuple(a for a in edge if steps[a].size),
        tuple(dict.fromkeys(guarded)),
    )


def _needed(rolled: Rolled) -> list[int]:
    seen: set[int] = set()
    stack = list(rolled.outputs.values())
    while stack:
        i = stack.pop()
        if i not in seen:
            seen.add(i)
            stack.extend(rolled.steps[i].args)
    return sorted(seen)
