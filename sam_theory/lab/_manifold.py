"""Manifolds of minima: found in the zero set of the gradient, or given, and checked; their curvatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Float64, lower, parse_expression
from sam_theory.engines._vanishing import vanishes
from sam_theory.errors import InputError, nearest
from sam_theory.lab._formulas import simpler
from sam_theory.losses import Loss

__all__ = ["GRID", "Manifold", "find_manifolds", "manifold_of"]

_ODD = (sp.tanh, sp.sinh, sp.atan, sp.sin, sp.tan)
GRID = [sp.Rational(n, 7) for n in (3, -5, 10, -12, 1, 16)]


@dataclass(frozen=True)
class Manifold:
    r"""Stationary points :math:`m(\theta)` of a loss, along which it is flat, curved in all other directions.

    Parameters
    ----------
    loss : Loss
        Of fixed dimension d.
    given : tuple of (str, Expr)
        What was solved for: coordinates of the loss as formulas.
    coordinates : tuple of Symbol
        θ: the coordinates of the loss that are left, and what the formulas name besides.
    values : tuple of (Symbol, Expr)
        Exact values of parameters of the loss.
    """

    loss: Loss
    given: tuple[tuple[str, sp.Expr], ...]
    coordinates: tuple[sp.Symbol, ...]
    values: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    @property
    def dimension(self) -> int:
        """Number of coordinates along the manifold."""
        return len(self.coordinates)

    @property
    def codimension(self) -> int:
        """Number of directions across it."""
        return len(self.loss.variables) - self.dimension

    @cached_property
    def point(self) -> tuple[sp.Expr, ...]:
        """m(θ), d entries."""
        solved = dict(self.given)
        return tuple(solved.get(v, sp.Symbol(v, real=True)) for v in self.loss.variables)

    @cached_property
    def tangent(self) -> sp.Matrix:
        """∂m/∂θ, shape (d, k)."""
        return sp.Matrix([[sp.diff(p, c) for c in self.coordinates] for p in self.point])

    @cached_property
    def metric(self) -> sp.Matrix:
        """The inner products of the tangent vectors, shape (k, k)."""
        return (self.tangent.T * self.tangent).applyfunc(simpler)

    def at(self, e: sp.Expr) -> sp.Expr:
        """A formula of the coordinates of the loss, on the manifold."""
        return simpler(_on(self.loss, dict(self.given), dict(self.values), e))

    @cached_property
    def hessian(self) -> sp.Matrix:
        """∇²L on the manifold, shape (d, d)."""
        return self.loss.hessian_expression.applyfunc(self.at)

    @cached_property
    def curvatures(self) -> tuple[sp.Expr, ...]:
        """The nonzero eigenvalues of the Hessian as formulas of θ.

        Raises InputError where there are fewer than the codimension, or SymPy has no closed form for them.
        """
        lam, q, k = sp.Symbol("lam"), self.codimension, self.dimension
        if q == 1:
            found = [simpler(self.hessian.trace())]
        else:
            reduced = sp.factor(sum(c * lam ** (q - i) for i, c in enumerate(self._characteristic)))
            roots = sp.roots(sp.Poly(reduced, lam), multiple=True)
            found = [simpler(r) for r in roots]
            if len(found) != q:
                raise InputError(f"the {q} curvatures across {self.text()} have no closed form")
        if any(f == 0 for f in found):
            raise InputError(
                f"the Hessian of {self.loss.name} has rank below {q} on {self.text()}: the valley is flatter than a "
                f"quadratic (or the minima are a larger set than {k} coordinate(s) describe), and no drift is derived"
            )
        if len(set(found)) < q:
            raise InputError(f"two curvatures across {self.text()} agree everywhere: no direction attracts")
        return tuple(found)

    @property
    def _characteristic(self) -> list[sp.Expr]:
        """The leading coefficients of the characteristic polynomial, by Newton's identities: the others vanish."""
        found, power, sums = [sp.S.One], self.hessian, []
        for k in range(1, self.codimension + 1):
            sums.append(simpler(power.trace()))
            found.append(simpler(-sum((found[k - i] * sums[i - 1] for i in range(1, k + 1)), sp.S.Zero) / k))
            power = power * self.hessian
        return found

    def text(self) -> str:
        """The manifold in a line."""
        free = ", ".join(f"{c} free" for c in self.coordinates)
        return ", ".join(f"{v} = {e}" for v, e in self.given) + (f" ({free})" if free else "")

    # -- numbers -----------------------------------------------------------------------------------------
    def evaluate(self, formulas: Sequence[sp.Expr], theta: Any, values: Mapping[str, float]) -> list[Any]:
        """Formulas of θ at many points, shape (k, n); each an array of shape (n,)."""
        env = {**values, **{c.name: t for c, t in zip(self.coordinates, theta, strict=True)}}
        arithmetic = Float64()
        return [arithmetic.run(lower(f), env)["result"] + 0.0 * theta[0] for f in formulas]


def _on(loss: Loss, solved: Mapping[str, sp.Expr], values: Mapping[Any, Any], e: sp.Expr) -> sp.Expr:
    names = {s.name: s for s in loss.symbols}
    e = e.xreplace({s: names[s.name] for s in e.free_symbols if s.name in names})
    e = e.subs(values) if values else e
    return e.subs({sp.Symbol(v, real=True): m for v, m in solved.items()}, simultaneous=True).doit()


def _stationary(loss: Loss, solved: Mapping[str, sp.Expr], values: Mapping[Any, Any]) -> bool:
    return all(_zero(_on(loss, solved, values, g)) for g in loss.symbolic_gradient())


def _zero(e: sp.Expr) -> bool:
    return bool(e == 0) or vanishes(e) or bool(sp.simplify(e) == 0)


def manifold_of(loss: Loss, given: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> Manifold:
    """The manifold on which coordinates of the loss have the given formulas.

    Parameters
    ----------
    loss : Loss
    given : mapping of str to expression or text
        For example ``{"y": 0}``, ``{"x": "1/y"}``, or ``{"x": "cos(t)", "y": "sin(t)"}`` with a coordinate of its own.
    values : mapping, optional
        Exact values of parameters of the loss.

    Raises
    ------
    InputError
        For an unknown coordinate, a formula that names a solved coordinate, or a gradient that is not seen to vanish.
    """
    names = loss.variables
    formulas: dict[str, sp.Expr] = {}
    for name, text in given.items():
        if name not in names:
            raise InputError(f"{loss.name} has no coordinate '{name}'; {nearest(name, names)}")
        formulas[name] = _read(text)
    pairs = _values(loss, values or {})
    own = {s.name: s for s in loss.symbols}
    formulas = {
        n: e.xreplace({s: own[s.name] for s in e.free_symbols if s.name in own}).subs(pairs)
        for n, e in formulas.items()
    }
    used = {s.name for e in formulas.values() for s in e.free_symbols} - set(loss.parameters)
    if used & set(formulas):
        raise InputError(f"the manifold gives '{min(used & set(formulas))}' by itself; solve for it")
    left = [n for n in names if n not in formulas]
    free = tuple(sp.Symbol(n, real=True) for n in (*left, *sorted(used - set(left))))
    if not free or len(free) >= len(names):
        raise InputError(f"a manifold of minima of {loss.name} has 1 to {len(names) - 1} coordinates, not {len(free)}")
    if not _stationary(loss, formulas, pairs):
        shown = ", ".join(f"{n} = {e}" for n, e in formulas.items())
        raise InputError(f"the gradient of {loss.name} is not seen to vanish on {shown}; give another manifold")
    return Manifold(loss, tuple(formulas.items()), free, tuple(pairs.items()))


def _read(value: Any) -> sp.Expr:
    e = parse_expression(value) if isinstance(value, str) else sp.sympify(value)
    return e.xreplace({s: sp.Symbol(s.name, real=True) for s in e.free_symbols if not s.is_real})


def _values(loss: Loss, values: Mapping[str, Any]) -> dict[sp.Symbol, sp.Expr]:
    own = {s.name: s for s in loss.symbols}
    return {own.get(n, sp.Symbol(n, real=True)): sp.sympify(v) for n, v in values.items() if n in loss.parameters}


def find_manifolds(loss: Loss, values: Mapping[str, Any] | None = None) -> tuple[Manifold, ...]:
    """Manifolds in the zero set of the gradient, the largest first, each once.

    The factors of the components of the gradient are solved for one coordinate after the other; every set that is
    found is checked.  Factors that SymPy cannot solve are passed over, so that the list may be incomplete.
    """
    pairs = _values(loss, values or {})
    names = loss.variables
    start = [_on(loss, {}, pairs, g) for g in loss.symbolic_gradient()]
    todo: list[dict[str, sp.Expr]] = [{}]
    found: list[Manifold] = []
    for depth in range(len(names)):
        following: list[dict[str, sp.Expr]] = []
        for solved in todo:
            at = {sp.Symbol(n, real=True): e for n, e in solved.items()}
            rest = [sp.factor(sp.simplify(g.subs(at, simultaneous=True).doit())) for g in start]
            rest = [g for g in rest if g != 0]
            if not rest:
                if depth:
                    free = tuple(sp.Symbol(n, real=True) for n in names if n not in solved)
                    found.append(Manifold(loss, tuple(sorted(solved.items())), free, tuple(pairs.items())))
                continue
            following += _solutions(min(rest, key=sp.count_ops), solved, names)
        todo = _distinct(following)
    found += _declared(loss, pairs)
    kept: list[Manifold] = []
    for m in sorted(found, key=_simplicity):
        if _real_minima(m) and not any(_contains(k, m) for k in kept):
            kept.append(m)
    return tuple(kept)


def _declared(loss: Loss, pairs: Mapping[sp.Symbol, sp.Expr]) -> list[Manifold]:
    """The manifolds that the facts about a loss name, a free symbol called like the coordinate it is."""
    found = []
    for entries in loss.facts.minimisers:
        point = [sp.sympify(e) for e in entries]
        for i, name in enumerate(loss.variables):
            entry = point[i]
            if isinstance(entry, sp.Symbol) and entry.name not in loss.parameters:
                point = [e.xreplace({entry: sp.Symbol(name, real=True)}) for e in point]
        named = list(zip(loss.variables, point, strict=True))
        given = {n: e for n, e in named if e != sp.Symbol(n, real=True)}
        if any(e.free_symbols - set(loss.symbols) for e in point) and given:
            try:
                found.append(manifold_of(loss, given, {s.name: v for s, v in pairs.items()}))
            except InputError:
                continue  # minima at which the gradient does not vanish formally
    return found


def _simplicity(m: Manifold) -> tuple[int, int, str]:
    """Order of preference among charts: of a large set, without roots and inverse functions, short."""
    inverse = (sp.asin, sp.acos, sp.atan, sp.asinh, sp.acosh, sp.atanh, sp.log)
    size = sum(int(sp.count_ops(e)) + (0 if e.is_polynomial() else 2) + 5 * len(e.atoms(*inverse)) for _, e in m.given)
    return m.codimension, size, m.text()


def _distinct(every: Sequence[dict[str, sp.Expr]]) -> list[dict[str, sp.Expr]]:
    seen: dict[tuple[tuple[str, sp.Expr], ...], dict[str, sp.Expr]] = {}
    for solved in every:
        seen.setdefault(tuple(sorted(solved.items())), solved)
    return list(seen.values())


def _solutions(e: sp.Expr, solved: dict[str, sp.Expr], names: Sequence[str]) -> list[dict[str, sp.Expr]]:
    """The further coordinates for which a factor of ``e`` can be solved, put into what was solved before."""
    result = []
    for factor, name in product(_factors(e), names):
        symbol = sp.Symbol(name, real=True)
        if symbol not in factor.free_symbols or not _invertible(factor, symbol):
            continue
        try:
            roots = sp.solve(factor, symbol)
        except NotImplementedError:  # what SymPy raises where it has no method
            continue
        for root in roots:
            if isinstance(root, sp.Expr) and not root.has(sp.I, sp.nan, sp.oo, sp.zoo) and root.is_real is not False:
                own = {n: sp.simplify(f.subs(symbol, root)) for n, f in solved.items()}
                result.append({**own, name: sp.simplify(root)})
    return result


def _invertible(e: sp.Expr, symbol: sp.Symbol) -> bool:
    """Whether ``e`` is linear or quadratic in the only function of the symbol that it contains.

    Roots of cubics are no formulas that one could go on with, and mixtures such as x + sin x keep SymPy busy for hours.
    """
    try:
        polynomial = sp.Poly(e)
    except sp.PolynomialError:
        return False
    own = [g for g in polynomial.gens if g.has(symbol)]
    return len(own) == 1 and polynomial.degree(own[0]) <= 2


def _factors(e: sp.Expr) -> list[sp.Expr]:
    """What vanishes where the product ``e`` does; an odd function as its argument."""
    found = []
    for factor in sp.Mul.make_args(sp.numer(sp.together(e))):
        base = factor.as_base_exp()[0]
        while isinstance(base, _ODD):
            base = base.args[0]
        found += [f.as_base_exp()[0] for f in sp.Mul.make_args(sp.factor(base)) if f.free_symbols]
    return found


def _real_minima(m: Manifold) -> bool:
    """Whether, somewhere on a grid, the points are real and the Hessian is positive across and 0 along them."""
    formulas = (*m.point, *m.hessian)
    inner = {s for e in formulas for s in e.free_symbols} - set(m.coordinates)
    d = len(m.point)
    for numbers in product(GRID, repeat=min(m.dimension, 2)):
        at = dict(zip(m.coordinates, [*numbers, *GRID[: max(m.dimension - 2, 0)]], strict=True))
        at |= dict.fromkeys(inner, sp.S.One)
        try:
            values = [complex(sp.N(e.subs(at).doit())) for e in formulas]
        except (TypeError, ValueError):
            continue
        if not all(np.isfinite(v) and abs(v.imag) < 1e-12 for v in values):
            continue
        found = np.linalg.eigvalsh(np.array([v.real for v in values[d:]]).reshape(d, d))
        if found[0] > -1e-9 * found[-1] and found[m.dimension] > 1e-9 * found[-1]:
            return True
    return False


def _contains(larger: Manifold, m: Manifold) -> bool:
    """Whether every point of ``m`` lies on ``larger``, both written with coordinates of the loss."""
    at = dict(zip((sp.Symbol(n, real=True) for n in m.loss.variables), m.point, strict=True))
    return all(_zero(at[sp.Symbol(n, real=True)] - e.subs(at, simultaneous=True)) for n, e in larger.given)
