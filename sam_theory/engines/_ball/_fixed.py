"""Fixed points given by formulas: that they are fixed, and their linear stability over a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Ball, Jet, Jets, NotExact, Rational, Undecided, lower
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._spectrum import side
from sam_theory.engines._ball._system import System

__all__ = ["fixed_point_side", "is_fixed"]


def fixed_point_side(system: System, at: Sequence[Any], direction: int | None, box: Box) -> int:
    """−1 or 1 where the fixed point ``at`` is linearly stable or unstable in all of ``box``, else 0.

    ``direction`` restricts to the multiplier of the eigenvector e_i; 0 if it is none.
    """
    size = len(at)
    chosen = list(range(size)) if direction is None else [direction]
    jets, ball, balls = Jets(len(chosen), Ball()), Ball(), box.balls()
    try:
        known = system.derive(ball, dict(balls))
        point = [ball.run(lower(sp.sympify(c)), known)["result"] for c in at]
        seeds = [jets.seed(a, chosen.index(i)) if i in chosen else Jet(a) for i, a in enumerate(point)]
        columns = [jets.slopes(c) for c in system.step(jets, seeds, {n: Jet(a) for n, a in balls.items()})]
    except (Undecided, ZeroDivisionError):
        return 0
    if direction is None:
        return side(columns) or 0
    if not all(bool(columns[i][0] == 0) for i in range(size) if i != direction):
        return 0
    modulus = abs(columns[direction][0])
    return -1 if modulus < 1 else 1 if modulus > 1 else 0


def is_fixed(system: System, at: Sequence[Any], box: Box) -> bool:
    """Whether F(at) = at on the whole box: exactly equal at its middle, with derivatives that vanish exactly."""
    wide = list(box.wide)
    jets, exact = Jets(len(wide), Ball()), Rational()
    env = {n: jets.seed(a, wide.index(n)) if n in wide else Jet(a) for n, a in box.balls().items()}
    programs = [lower(sp.sympify(c)) for c in at]
    try:
        known = system.derive(jets, dict(env))
        point = [jets.run(p, known)["result"] for p in programs]
        moved = [jets._jet(a) - b for a, b in zip(system.step(jets, point, env), point, strict=True)]
        here = system.derive(exact, dict(box.middle))
        start = [exact.run(p, here)["result"] for p in programs]
        same = system.step(exact, start, box.middle) == start
    except (NotExact, Undecided, ZeroDivisionError):
        return False
    return same and all(bool(s == 0) for m in moved for s in jets.slopes(m))
