r"""Quantities that a step keeps, or multiplies by a factor: :math:`Q(F(w))=K(w)\,Q(w)`.

A gradient is written as its content times its primitive part, :math:`\nabla L(v)=q(v)\,p(v)`; the contents at the
points where the rule asks for gradients, and the reciprocals of norms, become free symbols (*atoms*).  What holds for
every value of the atoms holds for the map, whatever the content: for :math:`L=\ell(xy)` the content is
:math:`\ell'(xy)` and :math:`p=(y,x)`.  The step is then a polynomial of state, atoms and parameters.

Given K, the equation is linear in the coefficients of Q.  At random rational points it is a system over ℚ; its null
vectors are candidates, and each is accepted only if :math:`Q\circ F-KQ` expands to zero.  For K are tried 1 and the
products of the irreducible factors of the principal minors of DF with the atoms held fixed; for a flow 0 and the sums
of two rational eigenvalues of DF.  That is a choice: a quantity with another factor is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from flint import fmpq, fmpq_mat

from sam_theory.arithmetic import Coordinates, HasDerivatives, Symbolic, parse_expression
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab._save import save_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Invariant", "Invariants", "find_invariants"]

#: Products of factors that are tried as K.
_FACTORS = 200
#: Terms of a family of quantities.
_LARGEST = 400


class _Abstracted(Symbolic):
    """Symbols, with contents of gradients and reciprocals of norms as atoms."""

    name = "symbolic with atoms"

    def __init__(self) -> None:
        super().__init__()
        self.meaning: dict[sp.Symbol, sp.Expr] = {}

    def atom(self, letter: str, meaning: sp.Expr) -> sp.Expr:
        """A symbol for ``meaning``, the same for the same; numbers and polynomials stand for themselves."""
        if meaning.is_Number:
            return meaning
        for known, said in self.meaning.items():
            if said == meaning:
                return known
        number = sum(s.name.startswith(letter) for s in self.meaning) + 1
        symbol = sp.Symbol(f"{letter}{number}", real=True, positive=True if letter == "s" else None)
        self.meaning[symbol] = meaning
        return symbol

    def grad(self, field: Any, v: Any, env: Mapping[str, Any]) -> Any:
        at = [sp.Dummy(real=True) for _ in v]
        gradient = list(super().grad(field, Coordinates(at), env))
        content = sp.gcd_list(gradient)
        there = dict(zip(at, v, strict=True))
        primitive = [sp.cancel(g / content) for g in gradient]
        scale = self.atom("q", content.xreplace(there)) if content.free_symbols & set(at) else content
        return Coordinates(scale * self._plain(p).xreplace(there) for p in primitive)

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        length = self.regularised(self.norm(v), eps, normalisation)
        return v * (1 if length == 0 else self.atom("s", 1 / length))

    def _plain(self, e: sp.Expr) -> sp.Expr:
        """The expression with everything that is no polynomial replaced by atoms of its own point."""
        return e if e.is_polynomial(*e.free_symbols) else self.atom("p", e)

    def opaque(self, link: HasDerivatives, order: int, a: sp.Expr) -> sp.Expr:
        return self.atom("q", super().opaque(link, order, a))


@dataclass(frozen=True)
class Invariant:
    """Q with Q(F(w)) = K Q(w), or dQ/dt = K Q along a flow.

    Parameters
    ----------
    quantity, factor : SymPy expressions
        Q, a polynomial of the state with rational coefficients; K, of the state, the parameters and the atoms.
    flow : bool
        Whether the map is a velocity.
    """

    quantity: sp.Expr
    factor: sp.Expr
    flow: bool

    @property
    def conserved(self) -> bool:
        """Whether Q keeps its value."""
        return bool(self.factor == (0 if self.flow else 1))

    @property
    def bounded(self) -> bool:
        """Whether the factor is visibly at most 1 (for a flow: 0), whatever the atoms: a positive Q never grows."""
        return bool(sp.expand((0 if self.flow else 1) - self.factor).is_nonnegative)

    @property
    def statement(self) -> str:
        """In one line."""
        if self.conserved:
            return f"{self.quantity} is conserved"
        change = "d/dt of it is" if self.flow else "a step multiplies it by"
        bound = f", which is at most {0 if self.flow else 1}" if self.bounded else ""
        return f"{self.quantity}: {change} {self.factor}" + (" times it" if self.flow else "") + bound


@dataclass(frozen=True)
class Invariants:
    """What was found in a family.

    Parameters
    ----------
    map : Map
    found : tuple of Invariant
        Each proved: the difference of both sides expands to zero for every value of the atoms.
    atoms : mapping
        What each atom stands for.
    family : tuple of SymPy expressions
        Quantities of which combinations were looked for.
    """

    map: Map
    found: tuple[Invariant, ...]
    atoms: Mapping[sp.Symbol, sp.Expr]
    family: tuple[sp.Expr, ...]

    def __iter__(self) -> Iterator[Invariant]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, i: int) -> Invariant:
        return self.found[i]

    def to_table(self) -> list[dict[str, str]]:
        """One row for each quantity."""
        return [
            {
                "quantity": str(i.quantity),
                "kind": "conserved" if i.conserved else "never grows where positive" if i.bounded else "multiplied",
                "factor": str(i.factor),
            }
            for i in self.found
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kind": "invariants",
            "map": {"rule": self.map.rule.name, "loss": self.map.loss.name},
            "found": [{"quantity": str(i.quantity), "factor": str(i.factor), "flow": i.flow} for i in self.found],
            "atoms": {str(s): str(e) for s, e in self.atoms.items()},
            "family": [str(e) for e in self.family],
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON. Raises InputError if it cannot be written."""
        save_json(path, self.to_json())

    def plot(
        self,
        start: Sequence[float],
        steps: int = 200,
        params: Mapping[str, Any] | None = None,
        axes: Axes | None = None,
    ) -> Axes:
        """|Q| / |Q(start)| along an orbit: measured (points) and by the product of the factors (line).

        Raises InputError for a flow, or what :func:`sam_theory.dynamics.simulate` refuses.
        """
        from matplotlib import pyplot

        from sam_theory.dynamics import simulate

        if self.map.rule.velocity:
            raise InputError("a flow has no steps to draw; choose a rule that steps")
        run = simulate(self.map, list(start), steps=steps, params=dict(params or {}), record="all")
        if axes is None:
            _, axes = pyplot.subplots(layout="constrained")
        states = np.asarray(run.states, dtype=float)
        symbols = list(self.map.loss.coordinates())
        numbers = {sp.Symbol(n, real=True): sp.Float(float(v)) for n, v in (params or {}).items()}
        for number, one in enumerate(self.found):
            quantity = sp.lambdify(symbols, one.quantity, "numpy")
            factor = sp.lambdify(symbols, self.spelled(one.factor).xreplace(numbers), "numpy")
            with np.errstate(all="ignore"):
                measured = np.broadcast_to(quantity(*states.T), states.shape[:1])
                along = np.broadcast_to(factor(*states[:-1].T), (len(states) - 1,))
                predicted = np.concatenate([[1.0], np.cumprod(np.abs(along))])
                colour = f"C{number % 10}"
                every = max(1, steps // 40)
                t = np.asarray(run.recorded_steps)
                axes.semilogy(t, predicted, color=colour, linewidth=1)
                axes.semilogy(
                    t[::every], np.abs(measured / measured[0])[::every], "o", color=colour, label=f"Q = {one.quantity}"
                )
        axes.set_xlabel("step $t$")
        axes.set_ylabel(r"$|Q(w_t)|\,/\,|Q(w_0)|$: points; product of the factors: line")
        axes.legend(frameon=False)
        return axes

    def spelled(self, e: sp.Expr) -> sp.Expr:
        """An expression with every atom replaced by what it stands for."""
        for symbol, meaning in reversed(tuple(self.atoms.items())):
            e = e.xreplace({symbol: meaning})
        return e


def find_invariants(
    map: Map, degree: int = 2, family: Sequence[sp.Expr | str] | None = None, seed: int = 0
) -> Invariants:
    """Combinations of a family with rational coefficients that the map keeps or multiplies by a factor.

    Parameters
    ----------
    map : Map
        Without noise and schedule, on a loss of fixed dimension; or a flow.
    degree : int
        The family is all monomials of the state of this degree, unless it is given.
    family : sequence of expressions or texts, optional
        Polynomials of the state.
    seed : int
        Of the random points.  The result does not depend on it but with probability 0.

    Returns
    -------
    Invariants
        Empty if there is none; a basis of the quantities for each factor K that was tried.

    Raises
    ------
    InputError
        For a map of another kind, a degree below 1, or a family that is no list of polynomials of the state.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Expression
    >>> from sam_theory.rules import gd
    >>> found = find_invariants(Map(gd, Expression("log(cosh(x*y))")))
    >>> found[1].statement
    'x**2 - y**2: a step multiplies it by -(eta*q1 - 1)*(eta*q1 + 1), which is at most 1'
    >>> found.atoms
    {q1: tanh(x*y)}
    """
    if map.rule.noise or map.rule.uses_step_number:
        raise InputError("invariants are of maps without noise and schedule")
    if map.loss.dimension is None:
        raise InputError(f"{map.loss.name} has no fixed dimension; choose one")
    return _Search(map, degree, family, seed).run()


class _Search:
    def __init__(self, map: Map, degree: int, family: Sequence[sp.Expr | str] | None, seed: int) -> None:
        self.map, self.flow = map, map.rule.velocity
        self.arithmetic = _Abstracted()
        state = map.state_symbols()
        image = map.step(self.arithmetic, state, map.symbols())
        self.state = [s for v in map.state for s in state[v]]
        self.image = [sp.expand(e) for v in map.state for e in image[v]]
        if not all(e.is_polynomial(*e.free_symbols) for e in self.image):
            raise InputError(f"a step of {map.rule.name} on {map.loss.name} is no polynomial of gradients and norms")
        self.family = self._family(degree, family)
        self.rng = np.random.default_rng(seed)

    def _family(self, degree: int, given: Sequence[sp.Expr | str] | None) -> tuple[sp.Expr, ...]:
        if given is None:
            if isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
                raise InputError(f"the degree must be a whole number from 1 on, not {degree!r}")
            family = tuple(sp.Mul(*c) for c in combinations_with_replacement(self.state, degree))
        else:
            family = tuple(self._quantity(q) for q in given)
        if not 0 < len(family) <= _LARGEST:
            raise InputError(f"the family has {len(family)} terms; from 1 to {_LARGEST} are possible")
        return family

    def _quantity(self, given: sp.Expr | str) -> sp.Expr:
        names = {s.name: s for s in self.state}
        e = parse_expression(given, names=names) if isinstance(given, str) else sp.sympify(given)
        e = e.xreplace({s: names[s.name] for s in e.free_symbols if s.name in names})
        if not e.free_symbols <= set(self.state) or not e.is_polynomial(*self.state):
            raise InputError(f"{given} is no polynomial of {', '.join(names)}")
        return e

    @cached_property
    def jacobian(self) -> sp.Matrix:
        """The derivative of the image with the atoms held fixed."""
        return sp.Matrix(self.image).jacobian(sp.Matrix(self.state))

    def factors(self) -> list[sp.Expr]:
        """What is tried as K, the simplest first."""
        if self.flow:
            eigenvalues = [e for e in self.jacobian.eigenvals() if e.is_polynomial(*e.free_symbols)]
            sums = {sp.expand(a) for a in eigenvalues} | {
                sp.expand(a + b) for a, b in combinations_with_replacement(eigenvalues, 2)
            }
            return [sp.S.Zero, *sorted(sums - {sp.S.Zero}, key=sp.default_sort_key)]
        d = len(self.state)
        irreducible: list[sp.Expr] = []
        minors = [r for k in range(1, d + 1) for r in combinations(range(d), k)]
        for rows in minors[:_FACTORS]:
            minor = self.jacobian.extract(list(rows), list(rows)).det(method="berkowitz")
            for factor, _ in sp.factor_list(minor)[1]:
                if factor not in irreducible and -factor not in irreducible:
                    irreducible.append(factor)
        degree = max(sp.total_degree(q, *self.state) for q in self.family)
        products = [sp.S.One]
        for k in range(1, degree + 1):
            for c in combinations_with_replacement(irreducible, k):
                products += [sp.Mul(*c), -sp.Mul(*c)]
                if len(products) > _FACTORS:
                    return products
        return products

    def run(self) -> Invariants:
        there = dict(zip(self.state, self.image, strict=True))
        if self.flow:
            after = [sum((sp.diff(q, s) * e for s, e in there.items()), sp.S.Zero) for q in self.family]
        else:
            after = [q.subs(there, simultaneous=True) for q in self.family]
        points = self._points(len(self.family) + 4)
        before = [[q.xreplace(p) for q in self.family] for p in points]
        beyond = [[q.xreplace(p) for q in after] for p in points]
        found: list[Invariant] = []
        for factor in self.factors():
            rows = [
                [_rational(b - factor.xreplace(p) * a) for a, b in zip(x, y, strict=True)]
                for p, x, y in zip(points, before, beyond, strict=True)
            ]
            for vector in _null_vectors(rows):
                quantity = sum((c * q for c, q in zip(vector, self.family, strict=True)), sp.S.Zero)
                moved = sum((c * q for c, q in zip(vector, after, strict=True)), sp.S.Zero)
                if sp.expand(quantity) != 0 and sp.expand(moved - factor * quantity) == 0:
                    found.append(Invariant(quantity, factor, self.flow))
        return Invariants(self.map, tuple(found), dict(self.arithmetic.meaning), self.family)

    def _points(self, number: int) -> list[dict[sp.Symbol, sp.Rational]]:
        symbols = sorted(set().union(*(e.free_symbols for e in self.image), self.state), key=lambda s: str(s.name))
        draws = self.rng.integers(-99, 100, size=(number, len(symbols), 2))
        return [
            {s: sp.Rational(int(p), 1 + abs(int(q))) for s, (p, q) in zip(symbols, row, strict=True)} for row in draws
        ]


def _rational(e: sp.Expr) -> fmpq:
    number = sp.Rational(e)
    return fmpq(int(number.p), int(number.q))


def _null_vectors(rows: list[list[fmpq]]) -> list[list[sp.Rational]]:
    """A basis of the kernel, with whole coefficients without a common factor, the first one positive."""
    reduced, rank = fmpq_mat(rows).rref()
    width = len(rows[0])
    pivots: list[int] = []
    for i in range(rank):
        pivots.append(next(j for j in range(width) if reduced[i, j] != 0))
    basis = []
    for free in (j for j in range(width) if j not in pivots):
        vector = [sp.S.Zero] * width
        vector[free] = sp.S.One
        for i, j in enumerate(pivots):
            entry = reduced[i, free]
            vector[j] = -sp.Rational(int(entry.p), int(entry.q))
        scale = sp.Rational(sp.ilcm(1, *(c.q for c in vector)), sp.igcd(0, *(c.p for c in vector)))
        first = next(c for c in vector if c != 0)
        basis.append([c * scale * sp.sign(first) for c in vector])
    return basis
