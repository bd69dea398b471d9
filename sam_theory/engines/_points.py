"""Rational points that satisfy relations: one of them shows, without a solver, that they do not contradict each other.

Symbol by symbol, small numbers are tried and the numbers at which a relation changes sign if it is linear in the
symbol; whatever is proposed, a point counts only if every relation holds at it in exact arithmetic.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import sympy as sp
from flint import fmpq
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import FlintRational, NotExact, Program, Undecided, lower
from sam_theory.errors import InputError

__all__ = ["rational_point"]

_EXACT = FlintRational()
_ZERO, _ONE = fmpq(0), fmpq(1)
_SMALL = (_ONE, _ZERO, fmpq(1, 2), fmpq(2), -_ONE, fmpq(1, 8), fmpq(4))
_HOLDS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
#: How many relations may be evaluated; a solver answers most questions in the time of some hundreds.
_EVALUATIONS = 300


def rational_point(relations: Sequence[Any]) -> dict[str, Any] | None:
    """A point of ``relations`` by the names of their symbols, as FLINT rationals; None if none was met.

    Examples
    --------
    >>> x, y = sp.symbols("x y", real=True)
    >>> rational_point([x > 0, sp.Eq(3 * x * y, 2), y < x])
    {'x': 1, 'y': 2/3}
    """
    try:
        return _found([_compiled(r) for r in relations if r not in (True, sp.true)])
    except InputError:  # what is no relation, or has no values
        return None


def _found(compiled: Sequence[_Compiled]) -> dict[str, Any] | None:
    """A point of the relations, whose symbols are chosen in the order in which they first occur."""
    order = list(dict.fromkeys(name for r in compiled for name in r.names))
    place = {name: i for i, name in enumerate(order)}
    decided: list[list[_Compiled]] = [[] for _ in order]
    for r in dict.fromkeys(compiled):
        if r.names:
            decided[max(place[name] for name in r.names)].append(r)
        elif not r.holds({}):
            return None
    return _Descent(order, decided).run()


@dataclass(frozen=True, eq=False)
class _Compiled:
    names: tuple[str, ...]
    operator: str
    left: Program
    right: Program

    def sides(self, point: dict[str, Any]) -> tuple[Any, Any] | None:
        """Both sides at a point; None where they mean nothing or are not rational."""
        try:
            return _EXACT.run(self.left, point)["result"], _EXACT.run(self.right, point)["result"]
        except (ZeroDivisionError, NotExact, Undecided):
            return None

    def holds(self, point: dict[str, Any]) -> bool:
        sides = self.sides(point)
        return sides is not None and bool(_HOLDS[self.operator](*sides))

    def difference(self, point: dict[str, Any]) -> Any:
        sides = self.sides(point)
        return None if sides is None else sides[0] - sides[1]


@lru_cache(maxsize=8192)
def _compiled(part: Any) -> _Compiled:
    if not isinstance(part, Relation):
        raise InputError(f"{part} is no relation")
    names = tuple(sorted(s.name for s in part.free_symbols))
    return _Compiled(names, part.rel_op, lower(part.lhs), lower(part.rhs))


@dataclass
class _Descent:
    """A search in depth; ``decided[i]`` are the relations between the first i + 1 symbols with the last of them."""

    order: list[str]
    decided: list[list[_Compiled]]
    point: dict[str, Any] = field(default_factory=dict)
    left: int = _EVALUATIONS

    def run(self) -> dict[str, Any] | None:
        return dict(self.point) if self._from(0) else None

    def _from(self, depth: int) -> bool:
        if depth == len(self.order):
            return True
        name = self.order[depth]
        for value in self._candidates(depth):
            self.point[name] = value
            if self._holds(depth) and self._from(depth + 1):
                return True
            if self.left <= 0:
                break
        self.point.pop(name, None)
        return False

    def _holds(self, depth: int) -> bool:
        for r in self.decided[depth]:
            self.left -= 1
            if not r.holds(self.point):
                return False
        return True

    def _candidates(self, depth: int) -> Iterator[Any]:
        tried = set()
        for propose in (self._simple, self._around):
            for value in propose(depth):
                if value not in tried:
                    tried.add(value)
                    yield value

    def _simple(self, depth: int) -> Sequence[Any]:
        """What equations ask for, or small numbers."""
        equations = [r for r in self.decided[depth] if r.operator == "=="]
        return self._crossings(depth, equations) if equations else _SMALL

    def _around(self, depth: int) -> Sequence[Any]:
        """Numbers between those at which relations change sign, these themselves and some beyond them."""
        ends = sorted(set(self._crossings(depth, self.decided[depth])))
        if not ends:
            return _SMALL
        middles = [(a + b) / 2 for a, b in pairwise(ends)]
        return [*middles, *ends, ends[0] - 1, ends[-1] + 1, ends[0] / 2]

    def _crossings(self, depth: int, relations: Sequence[_Compiled]) -> list[Any]:
        """Where relations that are linear in the symbol hold with equality."""
        name = self.order[depth]
        found = []
        for r in relations:
            self.left -= 2
            low, high = (r.difference({**self.point, name: at}) for at in (_ZERO, _ONE))
            if low is not None and high is not None and low != high:
                found.append(low / (low - high))
        return found
