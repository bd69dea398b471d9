"""A statement in one scene over one box: default boxes, and what a formula is worth on a part of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

from sam_theory.arithmetic import Arithmetic, Ball, Coordinates, Jet, Jets, NotExact, Undecided, lower_all
from sam_theory.engines._ball._box import Box, exact_ball
from sam_theory.engines._search._exact import compare, satisfied
from sam_theory.engines._search._instances import Point, Sampler
from sam_theory.engines._search._parameters import Parameters
from sam_theory.engines._search._scene import scenes
from sam_theory.engines._search._setting import Scene
from sam_theory.losses import Product
from sam_theory.theorems import Theorem

__all__ = ["CANNOT", "Problem", "chosen_scenes", "problems"]

#: what an evaluation over a part may raise where it cannot be decided
CANNOT = (Undecided, NotExact, ZeroDivisionError, OverflowError)

_WIDTHS = (Fraction(1, 32), Fraction(1, 256), Fraction(1, 2048))

Evaluate = Callable[[Arithmetic, dict[str, Any], Any], Any]


@dataclass(frozen=True, eq=False)
class Problem:
    """A scene and a box: a side for each free parameter, each number of a member, each coordinate ``w:i``."""

    scene: Scene
    box: Box

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters with those that an equality determines."""
        return Parameters(self.scene)

    def derive(self, arithmetic: Arithmetic, env: dict[str, Any]) -> dict[str, Any]:
        """The parameters with those solved for, and the constants of the class."""
        values = dict(env)
        for name, program in self.parameters.solved:
            values[name] = arithmetic.run(program, values)["result"]
        return self.scene.with_constants(arithmetic, values)

    @property
    def starts(self) -> tuple[str, ...]:
        """The coordinates of the start."""
        return tuple(f"w:{i}" for i in range(self.scene.dimension))

    @cached_property
    def parameter_box(self) -> Box:
        """The box without the coordinates of the start."""
        return self.without_start(self.box)

    def without_start(self, part: Box) -> Box:
        """A part of the box without the coordinates of the start."""
        return Box(tuple(s for s in part.sides if s[0] not in self.starts))

    def environment(self, arithmetic: Arithmetic, values: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Derived parameters, and the start as a vector."""
        start = Coordinates(values[n] for n in self.starts if n in values)
        return self.derive(arithmetic, {n: a for n, a in values.items() if n not in self.starts}), start

    def value(self, evaluate: Evaluate, part: Box) -> tuple[arb, list[arb]]:
        """A scalar over a part of the box, in mean-value form, and its slope along each side that is no point.

        Raises one of ``CANNOT`` where a branch lies inside the part.
        """
        wide = list(part.wide)
        jets, ball, balls = Jets(len(wide), Ball(), lipschitz=True), Ball(), part.balls()
        seeds = {n: jets.seed(a, wide.index(n)) if n in wide else Jet(a) for n, a in balls.items()}
        try:
            found = jets._jet(evaluate(jets, *self.environment(jets, seeds)))
        except CANNOT:
            return evaluate(ball, *self.environment(ball, balls)), []
        slopes = jets.slopes(found)
        middle = {n: exact_ball(v) for n, v in part.middle.items()}
        form = evaluate(ball, *self.environment(ball, middle))
        for n, a in zip(wide, slopes, strict=True):
            form += a * (balls[n] - middle[n])
        if not (form.is_finite() and found.value.is_finite()):
            return (form if form.is_finite() else found.value), slopes
        try:
            return form.intersection(found.value), slopes
        except ValueError:
            raise ArithmeticError("two enclosures of one value are disjoint: the enclosure code is wrong") from None

    def steepest(self, part: Box, slopes: Sequence[arb]) -> str | None:
        """The side along which a value changes most."""
        if not slopes or not all(a.is_finite() for a in slopes):
            return None
        return max(part.wide, key=lambda n: float(abs(slopes[part.wide.index(n)]).upper()) * float(part.width(n)))

    def admitted(self, part: Box) -> bool:
        """Whether every hypothesis certainly holds on the whole part."""
        ball = Ball()
        try:
            env, _ = self.environment(ball, part.balls())
            for h in self.parameters.relations:
                sides = ball.run(lower_all({"l": h.lhs, "r": h.rhs}), env)
                if not satisfied(h, compare(sides["l"], sides["r"])):
                    return False
        except CANNOT:
            return False
        return True

    def point(self, part: Box) -> Point | None:
        """The centre of a part as an exact instance; None if a parameter is irrational there."""
        middle = part.middle
        values = {n: v for n, v in middle.items() if n not in self.starts}
        try:
            values = self.parameters.complete(values, exact=True)
        except CANNOT:
            return None
        return Point(self.scene, values, tuple(middle[n] for n in self.starts if n in middle))


def chosen_scenes(theorem: Theorem, exact: bool) -> list[Scene]:
    """The scenes that are tried: the simplest member of a class, log cosh and √(1+z²) for an opaque link.

    With ``exact`` polynomial links come first.
    """
    found = scenes(theorem)
    if isinstance(theorem.loss, Product) and theorem.loss.link.opaque and found[0].loss is not None:
        smooth = [s for s in found if s.link is not None and s.link.name in ("log_cosh", "sqrt1p")]
        plain = [s for s in found if s.rational]
        found = [*plain, *smooth] if exact else smooth
        found.sort(key=lambda s: s.dimension)
    return found[:2]


def problems(scene: Scene, count: int, with_start: bool = True) -> Iterator[Problem]:
    """The first ``count`` boxes around simple instances, for each a wide and a narrow one; always the same."""
    rng = np.random.default_rng(0)
    batch = Sampler(scene, False, with_start).simple(rng, 16 * count)
    free = {s.name for s in Parameters(scene).free}
    found = 0
    for i in range(batch.size if batch is not None else 0):
        assert batch is not None
        point = batch.point(i)
        if any(not v for n, v in point.values.items() if n in free) or any(not c for c in point.start):
            continue
        for width in _WIDTHS:
            problem = Problem(scene, _around(point, free, width, with_start))
            if problem.admitted(problem.box):
                found += 1
                yield problem
            if found >= count:
                return


def _around(point: Point, free: set[str], width: Fraction, with_start: bool) -> Box:
    solved = {name for name, _ in Parameters(point.scene).solved}
    sides = []
    for n, v in sorted(point.values.items()):
        if n not in solved:
            sides.append((n, *_interval(v, width if n in free else Fraction(0))))
    if with_start:
        sides += [(f"w:{i}", *_interval(_short(c), width)) for i, c in enumerate(point.start)]
    return Box(tuple(sides))


def _short(c: Fraction) -> Fraction:
    return c.limit_denominator(100) or c


def _interval(v: Fraction, width: Fraction) -> tuple[Fraction, Fraction]:
    return min(v * (1 - width), v * (1 + width)), max(v * (1 - width), v * (1 + width))
