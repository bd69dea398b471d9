"""A map with some of its coordinates frozen, over boxes of the others and of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

from sam_theory.arithmetic import Arithmetic, Ball, Coordinates, Jet, Jets, PythonFloat, Undecided
from sam_theory.dynamics import Map
from sam_theory.engines._ball._box import Box, exact_ball
from sam_theory.engines._ball._orbits import Derive, _nothing, coordinate_names
from sam_theory.engines._ball._spectrum import Matrix, multiply
from sam_theory.errors import InputError

__all__ = ["Return", "System"]


@dataclass(frozen=True)
class Return:
    """A return map over a set of states, m + S(p − p₀) + V for each p in a box P, with S = 0 by default.

    ``offset`` contains G(m + S(p − p₀), p) − S(p − p₀) for every p; ``derivative`` every D_wG and ``sensitivity``
    every D_pG over the set; ``hulls`` every point of the orbits on the way, the set itself first.
    """

    offset: list[arb]
    derivative: Matrix
    sensitivity: Matrix
    hulls: list[list[arb]]


@dataclass(frozen=True)
class System:
    """A map whose coordinates ``frozen`` (such as ``w:1``) are parameters.

    ``lipschitz``: take the hull of slopes at kinks of continuous functions; what is concluded from contraction
    stays true, but a multiplier need not exist there.
    """

    map: Map
    frozen: tuple[str, ...] = ()
    derive: Derive = _nothing
    lipschitz: bool = False

    def __post_init__(self) -> None:
        if self.map.rule.noise or self.map.rule.uses_step_number:
            raise InputError("periodic orbits need a rule without noise and schedule")
        for n in self.frozen:
            if n not in coordinate_names(self.map):
                raise InputError(f"there is no coordinate '{n}' to freeze; known: {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates that move."""
        return tuple(n for n in coordinate_names(self.map) if n not in self.frozen)

    def step(self, arithmetic: Arithmetic, coordinates: Sequence[Any], env: Mapping[str, Any]) -> list[Any]:
        """One step of the coordinates that move; ``env`` gives parameters and frozen coordinates."""
        every, names = coordinate_names(self.map), self.names
        values = dict(zip(names, coordinates, strict=True))
        whole = [values[n] if n in values else env[n] for n in every]
        d = len(every) // len(self.map.state)
        state = {v: Coordinates(whole[i * d : (i + 1) * d]) for i, v in enumerate(self.map.state)}
        image = self.map.step(arithmetic, state, self.derive(arithmetic, dict(env)))
        after = dict(zip(every, (c for v in self.map.state for c in image[v]), strict=True))
        return [after[n] for n in names]

    def floats(self, coordinates: Sequence[float], values: Mapping[str, Fraction], steps: int = 1) -> list[float]:
        """Steps in floats, for guesses."""
        point, env = [float(c) for c in coordinates], {n: float(v) for n, v in values.items()}
        for _ in range(steps):
            point = [float(c) for c in self.step(PythonFloat(), point, env)]
        return point

    def derivative(self, at: Sequence[arb], env: Mapping[str, arb]) -> tuple[list[arb], Matrix]:
        """F and D_wF over a set of states."""
        jets = Jets(len(at), Ball(), self.lipschitz)
        image = self.step(jets, list(jets.seeds(at)), {n: Jet(a) for n, a in env.items()})
        entries = [c if isinstance(c, Jet) else Jet(c) for c in image]
        return [c.value for c in entries], [jets.slopes(c) for c in entries]

    def returned(self, at: Sequence[arb], box: Box, period: int, lean: Matrix | None = None) -> Return:
        """F applied ``period`` times on the states ``at`` and the parameters ``box``, in mean-value form.

        ``lean`` is S, with a row for each coordinate and a column for each side of the box that is no point: the
        states ``at`` are then meant relative to a centre that moves with the parameters.

        Raises Undecided where a branch or kink is in the way.
        """
        d, moving = len(at), list(box.wide)
        balls, middle = box.balls(), {n: exact_ball(v) for n, v in box.middle.items()}
        own, shift = [a - a.mid() for a in at], [balls[n] - middle[n] for n in moving]
        lean = lean if lean is not None else [[arb(0)] * len(moving) for _ in at]
        jets, ball = Jets(d + len(moving), Ball(), self.lipschitz), Ball()
        env: dict[str, Any] = {n: Jet(a) for n, a in balls.items()}
        env |= {n: jets.seed(balls[n], d + j) for j, n in enumerate(moving)}
        centre = [a.mid() for a in at]
        hull = [a + _dot(row, shift) for a, row in zip(at, lean, strict=True)]
        own_slopes: Matrix = [[arb(int(i == j)) for j in range(d)] for i in range(d)]
        shift_slopes: Matrix = [[arb(0)] * len(moving) for _ in range(d)]
        along, hulls = [list(row) for row in lean], [hull]
        for _ in range(period):
            image = self.step(jets, [jets.seed(a, i) for i, a in enumerate(hull)], env)
            slopes = [jets.slopes(c) for c in image]
            here, there = [row[:d] for row in slopes], [row[d:] for row in slopes]
            own_slopes = multiply(here, own_slopes)
            shift_slopes = _plus(multiply(here, shift_slopes), there) if moving else shift_slopes
            along = _plus(multiply(own_slopes, lean), shift_slopes) if moving else along
            centre = self.step(ball, centre, middle)
            hull = [
                _both(c + _dot(a, own) + _dot(b, shift), jets._jet(e).value)
                for c, a, b, e in zip(centre, own_slopes, along, image, strict=True)
            ]
            if not all(h.is_finite() for h in hull):
                raise Undecided("the enclosure is unbounded")
            hulls.append(hull)
        offset = [
            c + _dot([x - y for x, y in zip(b, row, strict=True)], shift)
            for c, b, row in zip(centre, along, lean, strict=True)
        ]
        return Return(offset, own_slopes, shift_slopes, hulls)


def _dot(a: Sequence[arb], b: Sequence[arb]) -> arb:
    return sum((x * y for x, y in zip(a, b, strict=True)), arb(0))


def _plus(a: Matrix, b: Matrix) -> Matrix:
    return [[x + y for x, y in zip(p, q, strict=True)] for p, q in zip(a, b, strict=True)]


def _both(form: arb, naive: arb) -> arb:
    if not (form.is_finite() and naive.is_finite()):
        return form if form.is_finite() else naive
    try:
        return form.intersection(naive)
    except ValueError:
        raise ArithmeticError("two enclosures of the same state are disjoint: the enclosure code is wrong") from None
