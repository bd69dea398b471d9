"""The admissible parameters of a statement: drawing them, and checking them exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from sam_theory.arithmetic import Float64, Program, Rational, closed_roots, lower, lower_all
from sam_theory.engines._search._exact import compare, holds, lift, rationally, satisfied
from sam_theory.engines._search._setting import Scene
from sam_theory.engines._search._sobol import sobol

__all__ = ["SIMPLE", "Array", "Parameters", "column", "excess"]

Array = NDArray[np.float64]
Values = dict[str, Array]

#: Simple rationals, the likeliest values of a smallest witness first.
SIMPLE: tuple[Fraction, ...] = tuple(
    Fraction(a)
    for a in (
        "1 1/2 2 3/2 1/3 3/4 2/3 1/4 3 1/10 4/3 5/4 7/4 1/5 4 5/2 4/5 9/10 3/5 2/5 6/5 1/8 1/20 5 10 1/100 20 100"
    ).split()
)
_ROUNDS = 12
_COMPARISONS: dict[Any, np.ufunc] = {
    sp.StrictLessThan: np.less,
    sp.LessThan: np.less_equal,
    sp.StrictGreaterThan: np.greater,
    sp.GreaterThan: np.greater_equal,
    sp.Unequality: np.not_equal,
    sp.Equality: np.equal,
}


class Parameters:
    """The values of a scene's symbols that its hypotheses admit.

    An equality in the hypotheses is solved for one symbol, which is then computed and not drawn.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.decades = 2.0
        self.relations: list[Any] = []
        self.solved: list[tuple[str, Program]] = []
        free = list(scene.symbols)
        known: dict[Any, Any] = {}
        for h in scene.hypotheses:
            # What was solved for before is put in, so that it need not be known first.
            open_ = sp.Eq(h.lhs.xreplace(known), h.rhs.xreplace(known), evaluate=False) if known else h
            solution = _solution(open_, free) if isinstance(h, sp.Equality) else None
            if solution is None:
                self.relations.append(h)
            else:
                symbol, value = solution
                known[symbol] = value
                free.remove(symbol)
                self.solved.insert(0, (symbol.name, lower(value)))
        self.free = free
        #: the number of the step is a parameter of statements on one step
        self.steps = [s.name for s in scene.symbols if s.name == "k" and scene.theorem.rule.uses_step_number]
        self.program = _sides(self.relations) if self.relations else None
        self._floats = Float64()
        self._comparisons = [(_COMPARISONS[h.func], f"l{i}", f"r{i}") for i, h in enumerate(self.relations)]
        self._names = [s.name for s in free]
        self._maybe_zero = [i for i, s in enumerate(free) if not s.is_positive and s.is_nonnegative]
        # One in sixteen of what may be 0 is 0, the rest of its places are spread like all others.
        self._scaling = np.ones((3, len(free), 1)) * [[[2.0]], [[0.0]], [[1.0]]]
        self._scaling[:, self._maybe_zero] = [[[32.0]], [[2.0]], [[15.0]]]
        self._signed = [i for i, s in enumerate(free) if not s.is_positive and not s.is_nonnegative]
        #: the comparisons that what is drawn does not satisfy by its sign
        given = [h.rhs == 0 and h.lhs in free and _by_sign(h) for h in self.relations]
        self._open = [c for c, sure in zip(self._comparisons, given, strict=True) if not sure]

    # -- checks ------------------------------------------------------------------------------------------
    def complete(self, values: Mapping[str, Any], exact: bool = False) -> dict[str, Any]:
        """``values`` with the solved symbols; raises NotExact where one is irrational."""
        result = dict(values)
        if not exact:
            result |= {name: np.floor(np.abs(result[name])) for name in self.steps if name in result}
        if not self.solved:
            return result
        with np.errstate(all="ignore"):  # a row without a solution is not admitted
            for name, program in self.solved:
                solution = (Rational() if exact else Float64()).run(program, result)["result"]
                if not exact and values:  # a constant has the shape of the drawn ones
                    solution = np.broadcast_to(solution, np.shape(next(iter(values.values())))).copy()
                result[name] = solution
        return result

    def violation(self, values: Values, size: int) -> Array:
        """How far each row is from being admissible: 0 where it is."""
        total = np.zeros(size)
        for name, _ in self.solved:
            total = total + np.where(np.isfinite(values[name]), 0.0, np.inf)
        if self.program is None:
            return total
        with np.errstate(all="ignore"):
            sides = Float64().run(self.program, values)
            for i, h in enumerate(self.relations):
                left, right = (np.asarray(sides[f"{s}{i}"], dtype=float) for s in "lr")
                total = total + excess(h, left, right)
        return np.where(np.isnan(total), np.inf, total)

    def admitted(self, values: Values, size: int) -> NDArray[np.bool_]:
        """Whether each row is admissible in floats."""
        with np.errstate(all="ignore"):
            return self._restrict(np.ones(size, dtype=bool), values, self._comparisons)

    def _restrict(
        self, good: NDArray[np.bool_], values: Values, comparisons: Sequence[tuple[np.ufunc, str, str]]
    ) -> NDArray[np.bool_]:
        """``good`` where the comparisons hold too, in its own place."""
        for name, _ in self.solved:
            good &= np.isfinite(values[name])
        if self.program is not None:
            sides = self._floats.run(self.program, values)
            for compare, left, right in comparisons:
                good &= compare(sides[left], sides[right])
        return good

    def admits(self, values: Mapping[str, Fraction]) -> bool:
        """Whether every hypothesis holds, decided exactly."""
        if any(values[n].denominator != 1 or values[n] < 0 for n in self.steps):
            return False
        hypotheses = self.scene.hypotheses
        r = rationally(lambda a: a.run(self._sides, lift(a, values)))
        if r is None:  # one of them may be irrational: each for itself, in balls
            return all(holds(h, self.scene, values) for h in hypotheses)
        return all(satisfied(h, compare(r[f"l{i}"], r[f"r{i}"])) for i, h in enumerate(hypotheses))

    @cached_property
    def _sides(self) -> Program:
        """Both sides of every hypothesis, those that are solved for a symbol included."""
        return _sides(self.scene.hypotheses)

    # -- draws -------------------------------------------------------------------------------------------
    def random(self, rng: np.random.Generator, size: int) -> Values | None:
        """``size`` admissible rows, log-uniform where the hypotheses leave room; None if none is found."""
        for decades in (2.0, 5.0):
            self.decades = decades
            pool = self._pool(rng, size)
            if len(pool):
                if len(pool) < size:
                    pool = np.concatenate([pool, self._spread(rng, pool, size - len(pool))])
                return self._values(pool[:size])
        return None

    def _pool(self, rng: np.random.Generator, size: int) -> Array:
        """Admissible rows by rejection, at least a few if there are any."""
        power = max(size - 1, 1).bit_length()
        found: list[Array] = []
        count = 0
        best: Array | None = None
        for _ in range(_ROUNDS):
            u = sobol(rng, len(self.free), power) if self.free else np.zeros((1 << power, 0))
            bad = self.violation(self._values(u), len(u))
            found.append(u[bad == 0])
            count += len(found[-1])
            if count >= size or 8 <= count < size // 4:
                break
            if best is None:
                best = u[np.argsort(bad, kind="stable")[:64]]
        if not count and best is not None:
            return self._repair(rng, best)
        return np.concatenate(found)

    def simple(self, rng: np.random.Generator, size: int) -> Values | None:
        """Up to ``size`` admissible rows of simple rationals, the simplest first."""
        if not self.free:
            return self._admissible(self.complete({}), 1) if self.scene.symbols else {}
        table = np.array([float(a) for a in SIMPLE])
        depth = len(self.free)
        blocks = [np.indices((7,) * depth).reshape(depth, -1)] if depth <= 3 else []
        if depth > 3:
            blocks.append(rng.integers(0, 7, (depth, 4 * size)))
        blocks.append((len(table) * rng.random((depth, 4 * size)) ** 1.5).astype(int))
        index = np.concatenate([np.zeros((depth, 1), dtype=int), *blocks], axis=1)
        values: Values = {}
        for s, row in zip(self.free, index, strict=True):
            column = table[row]
            if s.is_positive is None and s.is_nonnegative is None:
                column = np.where(rng.random(len(row)) < 0.5, column, -column)
            if not s.is_positive:
                column = np.where(rng.random(len(row)) < 0.1, 0.0, column)
            values[s.name] = column
        with np.errstate(all="ignore"):
            values = self.complete(values)
        return self._admissible(values, size)

    def _admissible(self, values: Values, size: int) -> Values | None:
        with np.errstate(all="ignore"):
            n = max((np.size(v) for v in values.values()), default=1)
        values = {k: np.broadcast_to(np.asarray(v, dtype=float), (n,)) for k, v in values.items()}
        keep = np.flatnonzero(self.violation(values, n) <= 1e-12)
        rows = np.stack([values[k][keep] for k in sorted(values)]) if values else np.zeros((1, len(keep)))
        _, first = np.unique(rows, axis=1, return_index=True)
        keep = keep[np.sort(first)][:size]
        return {k: v[keep] for k, v in values.items()} if len(keep) else None

    def _values(self, u: Array) -> Values:
        """The parameters of rows of the unit cube (n, depth)."""
        places = np.ascontiguousarray(u.T)
        factor, offset, divisor = self._scaling
        exponents = (factor * places - offset) / divisor - 1
        for i in self._signed:
            exponents[i] = 2 * np.mod(2 * places[i], 1.0) - 1
        rows = 10.0 ** (self.decades * exponents)
        for i in self._maybe_zero:
            np.copyto(rows[i], 0.0, where=places[i] < 1 / 16)
        for i in self._signed:
            np.negative(rows[i], out=rows[i], where=places[i] < 0.5)
        values = self.complete(dict(zip(self._names, rows, strict=True)))
        for name, _ in self.solved:
            values[name] = column(values[name], len(u))
        return values

    def _spread(self, rng: np.random.Generator, pool: Array, size: int) -> Array:
        """Slice sampling from admissible rows: an interval on a line through the row shrinks until it admits.

        The lines change each coordinate by 1, 0 or −1 times the same logarithm: that keeps the products and
        quotients that hypotheses hold in a narrow range.
        """
        chains = np.ascontiguousarray(pool[rng.integers(0, len(pool), size)].T)
        depth, everyone = len(chains), np.arange(size)
        ends = np.repeat([[-1.0], [1.0]], size, axis=1)
        with np.errstate(all="ignore"):
            for _ in range(10 * depth):
                direction = rng.integers(-1, 2, (size, depth)).T
                todo, walk = everyone, np.concatenate([chains, direction, ends])
                for _ in range(24):
                    low, high = walk[-2:]
                    x = low + (high - low) * rng.random(len(todo))
                    proposal = walk[:depth] + x * walk[depth:-2]
                    good = np.logical_and.reduce((proposal >= 0.0) & (proposal <= 1.0))
                    self._restrict(good, self._values(proposal.T), self._open)
                    (done,), (rest,) = good.nonzero(), (~good).nonzero()
                    chains[:, todo[done]] = proposal[:, done]
                    if not len(rest):
                        break
                    todo, walk, x = todo[rest], walk.take(rest, axis=1), x[rest]
                    # a row of the walk is a place, a direction and the two ends of the interval
                    np.copyto(walk[-2], x, where=x < 0)
                    np.copyto(walk[-1], x, where=x >= 0)
        return chains.T

    def _repair(self, rng: np.random.Generator, rows: Array) -> Array:
        """Walk from the rows nearest to admissible ones until some are admitted."""
        rows = rows.copy()
        bad = self.violation(self._values(rows), len(rows))
        for k in range(200):
            step = 0.3 * 0.5 ** (k % 10) * rng.standard_normal(rows.shape)
            proposal = np.clip(rows + step, 0.0, 1.0)
            new = self.violation(self._values(proposal), len(rows))
            better = new < bad
            rows[better], bad[better] = proposal[better], new[better]
            if k % 10 == 9 and (bad == 0).any():
                break
        return rows[bad == 0]


def _by_sign(h: Any) -> bool:
    """Whether the sign of the symbol on the left shows its relation to 0."""
    return (isinstance(h, sp.StrictGreaterThan) and bool(h.lhs.is_positive)) or (
        isinstance(h, sp.GreaterThan) and bool(h.lhs.is_nonnegative)
    )


def column(a: Any, size: int) -> Array:
    """A result of a batch as an array of shape (size,)."""
    column = np.asarray(a, dtype=float)
    return column if column.shape == (size,) else np.broadcast_to(column, (size,))


def _sides(relations: Iterable[Any]) -> Program:
    return lower_all({f"{side}{i}": e for i, h in enumerate(relations) for side, e in (("l", h.lhs), ("r", h.rhs))})


def excess(h: Any, left: Array, right: Array) -> Array:
    """By how much the sides of a relation miss it, relative to their size: 0 where it holds."""
    scale = np.abs(left) + np.abs(right) + 1e-300
    gap = (left - right) / scale
    if isinstance(h, sp.StrictLessThan):
        return np.where(left < right, 0.0, gap + 1e-9)
    if isinstance(h, sp.LessThan):
        return np.where(left <= right, 0.0, gap)
    if isinstance(h, sp.StrictGreaterThan):
        return np.where(left > right, 0.0, 1e-9 - gap)
    if isinstance(h, sp.GreaterThan):
        return np.where(left >= right, 0.0, -gap)
    if isinstance(h, sp.Unequality):
        return np.where(left != right, 0.0, 1.0)
    return np.abs(gap)


def _solution(h: Any, free: list[sp.Symbol]) -> tuple[sp.Symbol, Any] | None:
    """One symbol of an equality in terms of the others."""
    for symbol, value in ((h.lhs, h.rhs), (h.rhs, h.lhs)):
        if symbol in free and symbol not in value.free_symbols:
            return symbol, value
    for symbol in sorted(h.free_symbols & set(free), key=lambda s: s.name):
        values = closed_roots(h, symbol)
        if values is not None and len(values) == 1:
            return symbol, values[0]
    return None
