r"""Enclosures of whole boxes of orbits: a first-order set with a remainder, kept small by the mean-value form.

All states after t steps that start in a box of starts and parameters are enclosed by

.. math:: w_t \in c + A s + e,\qquad s \in S,\ e \in E,

where S holds the deviations of starts and parameters from the middle of their box, A is a matrix of numbers and E a
box around 0.  With :math:`F(w,p)\in F(c,m)+D_w(w-c)+D_p(p-m)` for derivatives enclosed over the whole set, a step
sends A to the middle of :math:`D_wA+D_p`, and everything else, rounding included, into E.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flint import arb

from sam_theory.arithmetic import Arithmetic, Ball, Coordinates, Jet, Jets, Undecided
from sam_theory.dynamics import Map
from sam_theory.dynamics._inputs import check_loss
from sam_theory.engines._ball._box import Box, exact_ball
from sam_theory.errors import InputError

__all__ = ["Derive", "Orbits", "coordinate_names"]


def coordinate_names(map: Map) -> tuple[str, ...]:
    """Names of the sides of a box of starts: ``w:0``, ``w:1``, … for each state vector."""
    if map.loss.dimension is None:
        raise InputError(f"{map.loss.name} has no fixed dimension; choose one")
    return tuple(f"{v}:{i}" for v in map.state for i in range(map.loss.dimension))


Derive = Callable[[Arithmetic, dict[str, Any]], dict[str, Any]]


def _nothing(arithmetic: Arithmetic, env: dict[str, Any]) -> dict[str, Any]:
    return env


@dataclass
class Orbits:
    """All orbits of a map that start in a box, one step at a time.

    Parameters
    ----------
    map : Map
    box : Box
        Sides for every parameter and every coordinate ``w:0``, …; further state vectors default to 0.
    derive : callable, optional
        Adds what a step reads besides the sides of the box: (arithmetic, parameters) -> parameters.

    Attributes
    ----------
    hull : list of arb
        Contains every coordinate of the state.
    steps : int
        Steps made so far.
    """

    map: Map
    box: Box
    derive: Derive = _nothing
    hull: list[arb] = field(init=False)
    steps: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        check_loss(self.map.loss)
        if self.map.rule.noise:
            raise InputError("the rule draws noise; enclosures need a deterministic rule")
        self.coordinates = coordinate_names(self.map)
        parameters = self.map.parameters if self.derive is _nothing else ()
        missing = [n for n in (*parameters, *self.coordinates[: self.map.loss.dimension]) if n not in self.box.names]
        if missing:
            raise InputError(f"the box has no side '{missing[0]}'; it needs every parameter and every coordinate")
        point = {n: Fraction(0) for n in self.coordinates} | self.box.middle
        balls = self.box.balls()
        #: the sides that are no points: parameters, then coordinates of the start
        self.moving = [n for n in self.box.wide if n not in self.coordinates]
        self.free = [*self.moving, *(n for n in self.box.wide if n in self.coordinates)]
        self.deviation = [balls[n] - exact_ball(point[n]) for n in self.free]
        self.parameters = {n: balls[n] for n in self.box if n not in self.coordinates}
        self.middle = {n: exact_ball(point[n]) for n in self.box if n not in self.coordinates}
        start = [exact_ball(point[n]) for n in self.coordinates]
        self.centre = [a.mid() for a in start]
        self.error = [a - c for a, c in zip(start, self.centre, strict=True)]
        self.linear = [[arb(int(n == c)) for n in self.free] for c in self.coordinates]
        self.hull = [balls.get(n, arb(0)) for n in self.coordinates]

    # -- pieces ------------------------------------------------------------------------------------------
    @property
    def radius(self) -> float:
        """The largest radius of a coordinate."""
        return max(float(h.rad()) for h in self.hull)

    def state(self, coordinates: Sequence[Any]) -> dict[str, Coordinates]:
        """The coordinates as state vectors."""
        d = len(self.coordinates) // len(self.map.state)
        return {v: Coordinates(coordinates[i * d : (i + 1) * d]) for i, v in enumerate(self.map.state)}

    def whole(self, state: Mapping[str, Any]) -> list[Any]:
        """All coordinates of a state."""
        return [c for v in self.map.state for c in state[v]]

    def jets(self, starts: bool = False, lipschitz: bool = False) -> tuple[Jets, dict[str, Any], list[Jet]]:
        """Jets over the present set: the arithmetic, the parameters and the coordinates as seeds.

        With ``starts`` the environment also holds ``w_start``, and the directions include its coordinates.
        """
        d = len(self.coordinates)
        arithmetic = Jets(d + len(self.free if starts else self.moving), Ball(), lipschitz)
        env: dict[str, Any] = {n: Jet(a) for n, a in self.parameters.items()}
        for j, n in enumerate(self.moving):
            env[n] = arithmetic.seed(self.parameters[n], d + j)
        env = self.derive(arithmetic, env)
        if starts:
            names = self.coordinates[: d // len(self.map.state)]
            balls = [self.box.ball(n) for n in names]
            env["w_start"] = Coordinates(
                arithmetic.seed(a, d + self.free.index(n)) if n in self.free else Jet(a)
                for n, a in zip(names, balls, strict=True)
            )
        return arithmetic, env, [arithmetic.seed(a, i) for i, a in enumerate(self.hull)]

    def centre_environment(self) -> dict[str, Any]:
        """The parameters and the start at the middle of the box."""
        names = self.coordinates[: len(self.coordinates) // len(self.map.state)]
        middle = self.box.middle
        start = Coordinates(exact_ball(middle[n]) for n in names)
        return {**self.derive(Ball(), dict(self.middle)), "w_start": start}

    def expand(self, slopes: Sequence[arb]) -> tuple[list[arb], arb]:
        """From slopes over the present set: the slope in every free direction, and the remainder."""
        d = len(self.coordinates)
        linear = []
        for j in range(len(self.free)):
            a = sum((slopes[i] * self.linear[i][j] for i in range(d)), arb(0))
            linear.append(a + slopes[d + j] if d + j < len(slopes) else a)
        return linear, sum((slopes[i] * self.error[i] for i in range(d)), arb(0))

    # -- the step ----------------------------------------------------------------------------------------
    def advance(self) -> None:
        """One step.

        Raises Undecided where a jump lies inside the set, or the set has become unbounded.  Kinks of continuous
        functions only widen it.
        """
        arithmetic, env, seeds = self.jets(lipschitz=True)
        k = Fraction(self.steps)
        image = self.whole(self.map.step(arithmetic, self.state(seeds), {**env, "k": arithmetic.number(k)}))
        ball = Ball()
        middle = {**self.derive(ball, dict(self.middle)), "k": ball.number(k)}
        at_centre = self.whole(self.map.step(ball, self.state(self.centre), middle))
        centre, linear, error, hull = [], [], [], []
        for jet, value in zip(image, at_centre, strict=True):
            slopes = arithmetic.slopes(jet)
            row, rest = self.expand(slopes)
            c, exact = value.mid(), [a.mid() for a in row]
            rest += value - c
            whole = arb(0)
            for a, b, s in zip(row, exact, self.deviation, strict=True):
                rest += (a - b) * s
                whole += b * s
            total = c + whole + rest
            if not total.is_finite():
                raise Undecided(f"the enclosure is unbounded after {self.steps + 1} steps")
            naive = jet.value if isinstance(jet, Jet) else jet
            centre.append(c)
            linear.append(exact)
            error.append(rest)
            tight = _tighter(total, naive)
            # Derivatives are needed on the segments from the centre: it must stay inside.
            hull.append(tight if tight.contains(c) else tight.union(c))
        self.centre, self.linear, self.error, self.hull = centre, linear, error, hull
        self.steps += 1

    def __iter__(self) -> Iterator[list[arb]]:
        """The hull at every step, the start first, without end."""
        while True:
            yield self.hull
            self.advance()


def _tighter(a: arb, b: arb) -> arb:
    """Both contain the same value; their intersection, where it can be had, or the narrower."""
    if not b.is_finite():
        return a
    try:
        both = a.intersection(b)
    except ValueError:
        raise ArithmeticError("two enclosures of the same state are disjoint: the enclosure code is wrong") from None
    return min((a, b, both), key=lambda x: float(x.rad()))
