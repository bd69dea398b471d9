r"""The curve of periodic orbits: zeros of :math:`G(w,p)=F_p^k(w)-w` with their derivatives, in floats and in balls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from sam_theory.arithmetic import Ball, Jet, Jets, NotExact, PythonFloat, Taylor, Undecided
from sam_theory.dynamics import Map, check_parameters
from sam_theory.engines import System
from sam_theory.errors import InputError, nearest
from sam_theory.lab._at import FloatArray

__all__ = ["CANNOT", "Curve", "checked_curve", "precise"]

#: What arithmetic raises where a map has no value or no derivative.
CANNOT = (Undecided, NotExact, ArithmeticError, ValueError)
#: Binary digits for what is located and differentiated.
_PRECISION = 212


@contextmanager
def precise() -> Iterator[None]:
    """Balls with many digits inside."""
    before = ctx.prec
    ctx.prec = _PRECISION
    try:
        yield
    finally:
        ctx.prec = before


@dataclass(frozen=True)
class Curve:
    """Orbits of one period of a map in which one number varies.

    Parameters
    ----------
    map : Map
    values : mapping
        Exact numbers for every parameter but the one that varies, and for the frozen coordinates.
    parameter : str
        What varies: a parameter of the map, or a coordinate of the state, which the orbit then does not move.
    period : int
    frozen : tuple of str
        Coordinates that do not move.
    """

    map: Map
    values: Mapping[str, Fraction]
    parameter: str
    period: int
    frozen: tuple[str, ...] = ()

    @cached_property
    def every(self) -> tuple[str, ...]:
        """All coordinates of the state: those of the loss, ``v_x`` for a further vector ``v``."""
        own = self.map.loss.variables
        return (*own, *(f"{v}_{n}" for v in self.map.state[1:] for n in own))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The coordinates that move."""
        still = {*self.frozen, self.parameter}
        return tuple(n for n in self.every if n not in still)

    @cached_property
    def system(self) -> System:
        """The map with the frozen coordinates as parameters."""
        return System(self.map, tuple(self._inner[n] for n in self.every if n not in self.names))

    @cached_property
    def _inner(self) -> dict[str, str]:
        """The names that enclosures give to the coordinates."""
        width = len(self.map.loss.variables)
        inner = [f"{v}:{i}" for v in self.map.state for i in range(width)]
        return dict(zip(self.every, inner, strict=True))

    def _inside(self, name: str) -> str:
        return self._inner.get(name, name)

    @cached_property
    def _floats(self) -> dict[str, float]:
        return {self._inside(n): float(v) for n, v in self.values.items()}

    def check(self, value: Fraction | float) -> None:
        """Refuse a value of what varies that the map does not admit.  Raises InputError."""
        given: dict[str, Any] = {n: float(v) for n, v in self.values.items() if n not in self.every}
        if self.parameter not in self.every:
            given[self.parameter] = float(value)
        check_parameters(self.map, given)

    def steps(self, z: FloatArray, count: int) -> FloatArray | None:
        """The first ``count`` points of the orbit, shape (count, d)."""
        env = {**self._floats, self._inside(self.parameter): float(z[-1])}
        points = [[float(c) for c in z[:-1]]]
        try:
            for _ in range(count - 1):
                points.append([float(c) for c in self.system.step(PythonFloat(), points[-1], env)])
        except CANNOT:
            return None
        return np.array(points)

    # -- derivatives -------------------------------------------------------------------------------------
    def linearised(self, z: FloatArray, steps: int | None = None) -> tuple[FloatArray, FloatArray] | None:
        """G and its derivative in state and parameter, shapes (d,) and (d, d+1); None where there is none."""
        jets = Jets(len(z), PythonFloat())
        try:
            values, slopes = self._run(jets, [float(c) for c in z], self._floats, steps)
        except CANNOT:
            return None
        value, slope = np.array(values, dtype=float), np.array(slopes, dtype=float)
        return (value, slope) if np.isfinite(value).all() and np.isfinite(slope).all() else None

    def exactly(self, z: Sequence[arb], steps: int | None = None) -> tuple[list[arb], list[list[arb]]]:
        """The same with many digits, rounding errors left out.

        Raises Undecided where there is no derivative.
        """
        values, slopes = self._run(Jets(len(z), Ball()), list(z), self._balls(), steps)
        return [v.mid() for v in values], [[s.mid() for s in row] for row in slopes]

    def _balls(self) -> dict[str, arb]:
        return {self._inside(n): arb(fmpq(v.numerator, v.denominator)) for n, v in self.values.items()}

    def _run(
        self, jets: Jets, z: list[Any], given: Mapping[str, Any], steps: int | None
    ) -> tuple[list[Any], list[list[Any]]]:
        env: dict[str, Any] = {n: Jet(v) for n, v in given.items()}
        *start, last = jets.seeds(z)
        env[self._inside(self.parameter)] = last
        state = start
        for _ in range(self.period if steps is None else steps):
            state = self.system.step(jets, state, env)
        moved = [(b if isinstance(b, Jet) else Jet(b)) - a for a, b in zip(start, state, strict=True)]
        return [m.value for m in moved], [jets.slopes(m) for m in moved]

    def along(self, z: Sequence[arb], direction: Sequence[arb], terms: int, one_sided: bool = False) -> list[list[arb]]:
        """The Taylor coefficients of t ↦ F^k(w + t·direction), a row for each coordinate.

        Raises Undecided at a kink.
        """
        arithmetic = Taylor(terms, Ball(), one_sided)
        env: dict[str, Any] = {**self._balls(), self._inside(self.parameter): z[-1]}
        env = {n: arithmetic.constant(v) for n, v in env.items()}
        state = list(arithmetic.line(z[:-1], direction))
        for _ in range(self.period):
            state = self.system.step(arithmetic, state, env)
        return [[c.mid() for c in arithmetic.coefficients(a)] for a in state]

    # -- zeros -------------------------------------------------------------------------------------------
    def corrected(
        self, z: FloatArray, row: FloatArray, scale: FloatArray, iterations: int = 12
    ) -> tuple[FloatArray, int] | None:
        """The zero of G near ``z`` in the plane through z across ``row``, and the steps that it took to come close.

        ``row`` and ``scale`` have shape (d+1,); distances are measured in units of ``scale``.
        """
        x, previous, effort = z.copy(), np.inf, 0
        for count in range(1, iterations + 1):
            found = self.linearised(x)
            if found is None:
                return None
            matrix = np.vstack([found[1] * scale, row])
            right = np.append(-found[0], float(row @ ((z - x) / scale)))
            try:
                step = np.linalg.solve(matrix, right)
            except np.linalg.LinAlgError:
                return None
            if not np.isfinite(step).all():
                return None
            x = x + step * scale
            size = float(np.abs(step).max())
            if not effort and size <= 1e-6:
                effort = count
            # To the end: what is small beside the units of length is to be exact, too.
            if size <= 1e-15 or (size <= 1e-9 and size >= previous / 4):
                return x, effort
            if size > 1e3:
                return None
            previous = size
        return (x, effort) if previous <= 1e-9 else None

    def corrected_exactly(self, z: Sequence[arb], row: Sequence[arb], offset: arb) -> list[arb]:
        """The zero of G near ``z`` with row·z = offset, to many digits.

        Raises Undecided where there is no derivative, ZeroDivisionError where the zero is not simple, and
        ArithmeticError where Newton's method does not converge.
        """
        x = list(z)
        d = len(x)
        previous = arb("inf")
        for _ in range(60):
            values, slopes = self.exactly(x)
            across = (offset - sum((a * b for a, b in zip(row, x, strict=True)), arb(0))).mid()
            right = arb_mat(d, 1, [*(-v for v in values), across])
            step = arb_mat([*slopes, list(row)]).solve(right)
            x = [(a + step[i, 0]).mid() for i, a in enumerate(x)]
            size = max(abs(step[i, 0]).mid() for i in range(d))
            if size < arb(2) ** (-_PRECISION * 3 // 4) or (size < arb(10) ** -30 and not size < previous / 2):
                return x
            previous = size
        raise ArithmeticError("Newton's method does not converge")


def checked_curve(
    map: Map, params: Mapping[str, Any], parameter: str, period: int, frozen: Mapping[str, Fraction]
) -> Curve:
    """A curve for exact ``params`` and ``frozen`` coordinates.

    Raises InputError for a map of another kind, or names and numbers that do not fit.
    """
    System(map)
    if map.loss.dimension is None:
        raise InputError(f"{map.loss.name} has no fixed dimension; choose one")
    if isinstance(period, bool) or not isinstance(period, int) or period < 1:
        raise InputError(f"the period must be a positive integer, not {period!r}")
    own = map.loss.variables
    every = (*own, *(f"{v}_{n}" for v in map.state[1:] for n in own))
    known = (*map.parameters, *every)
    if parameter not in known:
        raise InputError(f"there is nothing called '{parameter}' to vary; {nearest(parameter, known)}")
    if parameter in params:
        raise InputError(f"'{parameter}' varies; do not give it a value")
    for name in frozen:
        if name not in every:
            raise InputError(f"the state has no coordinate '{name}' to freeze; {nearest(name, every)}")
    curve = Curve(map, {**params, **frozen}, parameter, period, tuple(n for n in frozen if n != parameter))
    if not curve.names:
        raise InputError("no coordinate is left that moves; freeze fewer")
    return curve
