r"""Trapping regions: sets that a return map sends into themselves and contracts.

If :math:`\|DG\|_\infty\le q<1` on a box X around a fixed point p of G, then every box around p inside X is mapped
into itself, and every orbit that enters it converges to the orbit of p.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb

from sam_theory.arithmetic import Undecided
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._cycles import CertifiedCycle, certified_cycle
from sam_theory.engines._ball._orbits import Orbits
from sam_theory.engines._ball._problem import Problem
from sam_theory.engines._ball._system import System

__all__ = ["Settled", "settles", "trap_radius"]


@dataclass(frozen=True)
class Settled:
    """Every orbit of the box lies within ``radius`` of the periodic orbit after ``steps`` steps, and converges."""

    cycle: CertifiedCycle
    radius: float
    steps: int


def trap_radius(system: System, box: Box, cycle: CertifiedCycle) -> float:
    """The largest radius found around the first point in which the return map contracts; 0 if none is found."""
    period, best = len(cycle.points), 0.0
    point = cycle.points[0]
    size = max(float(abs(c).upper()) for c in point) or 1.0
    for k in range(40, -4, -1):
        radius = size / 2.0**k
        try:
            # Wider than the radius by the uncertainty of the point: a ball around every possible fixed point.
            found = system.returned([c + arb(0, radius) for c in point], box, period)
        except (Undecided, ZeroDivisionError):
            break
        rows = [sum((abs(a) for a in row), arb(0)) for row in found.derivative]
        if not all(r < 1 for r in rows):
            break
        best = radius
    return best


def settles(problem: Problem, horizon: int) -> Settled | str:
    """Follow all orbits of the box until they are trapped; a sentence if that does not come about."""
    scene, box = problem.scene, problem.box
    system = System(scene.map, (), problem.derive, lipschitz=True)
    parameters = problem.parameter_box
    start = [float(box.middle[n]) for n in problem.starts]
    start += [0.0] * (len(system.names) - len(start))
    middle = parameters.middle
    try:
        end = system.floats(start, middle, 400)
    except (ArithmeticError, ValueError) as reason:
        return f"no attractor is seen in floats: {reason}"
    size = max(map(abs, start))
    end = [0.0 if abs(c) < 1e-9 * size else c for c in end]
    cycle = None
    for period in (1, 2):
        after = system.floats(end, middle, period)
        if max(abs(a - b) for a, b in zip(after, end, strict=True)) <= 1e-6 * (max(map(abs, end)) + 1e-9):
            cycle = certified_cycle(system, parameters, end, period)
            break
    if cycle is None:
        return "no isolated periodic orbit of period 1 or 2 is certified where orbits seem to end"
    radius = trap_radius(system, parameters, cycle)
    if not radius:
        return "no trapping region is found around the periodic orbit"
    names = {n: f"{scene.map.state[0]}:{n[2:]}" for n in problem.starts}
    orbits = Orbits(scene.map, Box(tuple((names.get(n, n), a, b) for n, a, b in box.sides)), problem.derive)
    while True:
        distances = [abs(h - c) for h, c in zip(orbits.hull, cycle.points[0], strict=True)]
        if all(d < radius for d in distances):
            return Settled(cycle, radius, orbits.steps)
        if orbits.steps >= horizon or not np.isfinite(orbits.radius):
            return f"not all orbits are trapped within {horizon} steps"
        orbits.advance()
