"""Polynomials over the rationals, and SymPy scalars as quotients of them.

Roots and opaque functions become fresh variables; signs, absolute values, extrema and case distinctions are decided
one by one, and a decision that is missing raises `Fork`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, Not, Or

from sam_theory.checker._space import Fork, NotChecked

__all__ = ["Flat", "Poly", "Quotient", "primitive", "product", "relation", "total", "vanishes", "variables"]

Monomial = tuple[tuple[str, int], ...]
Poly = dict[Monomial, Fraction]
#: a polynomial as a key: content 1, leading coefficient positive
Atom = tuple[tuple[Monomial, Fraction], ...]

ONE: Poly = {(): Fraction(1)}


def total(p: Poly, q: Poly) -> Poly:
    """p + q."""
    result = dict(p)
    for m, c in q.items():
        result[m] = result.get(m, Fraction(0)) + c
        if not result[m]:
            del result[m]
    return result


def product(p: Poly, q: Poly) -> Poly:
    """p · q."""
    result: Poly = {}
    for m, c in p.items():
        for n, d in q.items():
            powers = dict(m)
            for x, k in n:
                powers[x] = powers.get(x, 0) + k
            key = tuple(sorted(powers.items()))
            result[key] = result.get(key, Fraction(0)) + c * d
    return {m: c for m, c in result.items() if c}


def power(p: Poly, n: int) -> Poly:
    """pⁿ for n ≥ 0."""
    result = ONE
    for _ in range(n):
        result = product(result, p)
    return result


def variables(p: Poly) -> set[str]:
    """The variables of a polynomial."""
    return {x for m in p for x, _ in m}


def relation(op: str, p: Poly) -> dict[str, Any]:
    """``p op 0`` as data, in a fixed order of the terms."""
    return {"op": op, "poly": [[str(c), dict(m)] for m, c in sorted(p.items())]}


def factored(p: Poly) -> tuple[Fraction, dict[str, int], Atom]:
    """(c, powers of variables, atom) with p = c · variables · atom."""
    common = dict(next(iter(p))) if p else {}
    for m in p:
        own = dict(m)
        common = {x: min(k, own[x]) for x, k in common.items() if x in own}
    rest = {tuple((x, k - common.get(x, 0)) for x, k in m if k > common.get(x, 0)): c for m, c in p.items()}
    content = Fraction(gcd(*(c.numerator for c in rest.values())), lcm(*(c.denominator for c in rest.values())))
    content = content if rest[max(rest)] > 0 else -content
    return content, common, tuple(sorted((m, c / content) for m, c in rest.items()))


def primitive(p: Poly) -> Poly:
    """A positive multiple of p with coprime integer coefficients."""
    content = abs(factored(p)[0]) if p else Fraction(1)
    return {m: c / content for m, c in p.items()}


@dataclass(frozen=True)
class Quotient:
    """``numerator`` over a product of powers of atoms, none of which may vanish."""

    numerator: Poly
    below: Mapping[Atom, int] = field(default_factory=dict)

    def __add__(self, other: Quotient) -> Quotient:
        below = {a: max(self.below.get(a, 0), other.below.get(a, 0)) for a in {**self.below, **other.below}}
        sides = []
        for q in (self, other):
            p = q.numerator
            for a, k in below.items():
                p = product(p, power(dict(a), k - q.below.get(a, 0)))
            sides.append(p)
        return Quotient(total(*sides), below)

    def __mul__(self, other: Quotient) -> Quotient:
        below = {a: self.below.get(a, 0) + other.below.get(a, 0) for a in {**self.below, **other.below}}
        return Quotient(product(self.numerator, other.numerator), below)

    def scaled(self, c: Fraction | int) -> Quotient:
        """A multiple."""
        return Quotient({m: a * c for m, a in self.numerator.items()} if c else {}, self.below)

    def inverse(self) -> Quotient:
        """1 over it; what it vanishes with becomes a denominator."""
        if not self.numerator:
            raise NotChecked("a formula divides by 0")
        content, common, atom = factored(self.numerator)
        above: Poly = {(): 1 / content}
        for a, k in self.below.items():
            above = product(above, power(dict(a), k))
        below: dict[Atom, int] = {((((x, 1),), Fraction(1)),): k for x, k in common.items()}
        if atom != (((), Fraction(1)),):
            below[atom] = 1
        return Quotient(above, below)


@dataclass
class Flat:
    """From SymPy scalars to quotients, under the decisions in ``choices``.

    ``side`` are the defining relations of roots (an operator and a quotient), ``roots`` their names and radicands
    in order of appearance; ``positive`` and ``nonnegative`` are variables known to be so.
    """

    choices: Mapping[Any, str]
    positive: set[str] = field(default_factory=set)
    nonnegative: set[str] = field(default_factory=set)
    side: list[tuple[str, Quotient]] = field(default_factory=list)
    roots: list[tuple[str, Quotient]] = field(default_factory=list)
    _memo: dict[Any, Quotient] = field(default_factory=dict)
    #: denominators that a decision or the argument of an opaque function has, and the result may not show
    divided: list[Atom] = field(default_factory=list)
    _fresh: list[tuple[str, Any, list[Quotient]]] = field(default_factory=list)

    def __call__(self, e: Any) -> Quotient:
        known = self._memo.get(e)
        if known is None:
            known = self._memo[e] = self._flatten(e)
        return known

    def _flatten(self, e: Any) -> Quotient:
        if e.is_Rational:
            value = Fraction(int(e.p), int(e.q))
            return Quotient({(): value} if value else {})
        if e.is_Symbol:
            return self._variable(e.name)
        if e.is_Add or e.is_Mul:
            result = self(e.args[0])
            for a in e.args[1:]:
                result = result + self(a) if e.is_Add else result * self(a)
            return result
        if e.is_Pow and e.exp.is_Rational:
            base = self(e.base) if e.exp.q == 1 else self._root(self(e.base), int(e.exp.q))
            result = Quotient(ONE)
            for _ in range(abs(int(e.exp.p))):
                result = result * base
            return result if e.exp.p > 0 else result.inverse()
        if isinstance(e, sp.Abs):
            a = self(e.args[0])
            return a.scaled(self.sign(a, weak=True))
        if isinstance(e, sp.sign):
            return Quotient(ONE).scaled(self.sign(self(e.args[0])))
        if isinstance(e, (sp.Min, sp.Max)):
            best, *others = (self(a) for a in sorted(e.args, key=sp.default_sort_key))
            for b in others:
                larger = self.sign(best + b.scaled(-1), weak=True) > 0
                best = best if larger == isinstance(e, sp.Max) else b
            return best
        if isinstance(e, sp.Piecewise):
            return self(next(v for v, c in e.args if self.holds(c)))
        if e.has(sp.nan, sp.oo, sp.zoo) or e.is_Number or e.is_NumberSymbol:
            raise NotChecked(f"{e} is no algebraic number")
        return self._opaque(e)

    def _variable(self, name: str) -> Quotient:
        return Quotient({((name, 1),): Fraction(1)})

    def _opaque(self, e: Any) -> Quotient:
        """The value of a function of which only this is used: equal arguments give equal values."""
        kind = type(e)
        args = [e.base, e.exp] if e.is_Pow else list(e.args)
        link, order = getattr(kind, "link", None), getattr(kind, "order", 0)
        flat = [self(a) for a in args]
        sign = 1
        if link is not None and link.even and flat[0].numerator and flat[0].numerator[max(flat[0].numerator)] < 0:
            flat, sign = [flat[0].scaled(-1)], (-1) ** order
        self.divided += [b for a in flat for b in a.below]
        return self._variable(self._named("value!", kind, flat)).scaled(sign)

    def _named(self, prefix: str, kind: Any, args: list[Quotient]) -> str:
        """The variable for an operation on these arguments, the same for equal ones."""
        for name, known, others in self._fresh:
            same = name.startswith(prefix) and kind == known and len(args) == len(others)
            if same and all(not (a + b.scaled(-1)).numerator for a, b in zip(args, others, strict=True)):
                return name
        self._fresh.append((f"{prefix}{len(self._fresh)}", kind, args))
        return self._fresh[-1][0]

    def _root(self, a: Quotient, q: int) -> Quotient:
        name = self._named("root!", q, [a])
        root = self._variable(name)
        if name not in self.nonnegative:
            self.nonnegative.add(name)
            self.roots.append((name, a))
            power = root
            for _ in range(q - 1):
                power = power * root
            self.side += [(">=", root), ("==", power + a.scaled(-1))]
        return root

    # -- decisions -----------------------------------------------------------------------------------------------
    def sign(self, a: Quotient, weak: bool = False) -> int:
        """The sign of ``a``; where ``weak``, 1 says ≥ 0 and −1 says ≤ 0."""
        self.divided += a.below
        if not a.numerator:
            return 1 if weak else 0
        content, common, atom = factored(a.numerator)
        result = 1 if content > 0 else -1
        powers: list[tuple[Poly, int]] = [({((x, 1),): Fraction(1)}, k) for x, k in common.items()]
        for p, k in (*powers, (dict(atom), 1)):
            if k % 2 or not weak:
                result *= self._sign(p, weak) ** k
        for b, k in a.below.items():
            result *= self._sign(dict(b), True) if k % 2 else 1
        return result

    def _sign(self, p: Poly, weak: bool) -> int:
        if self.surely(p, strict=not weak):
            return 1
        key = ("sign", tuple(sorted(p.items())))
        chosen = self.choices.get((*key, "strict")) or (self.choices.get((*key, "weak")) if weak else None)
        if chosen is None:
            raise Fork((*key, "weak" if weak else "strict"), (">=", "<") if weak else (">", "<", "=="))
        return {">": 1, ">=": 1, "==": 1 if weak else 0, "<": -1}[chosen]

    def surely(self, p: Poly, strict: bool) -> bool:
        """Whether p is positive (nonnegative) term by term."""
        known = self.positive | self.nonnegative
        fine = all(c > 0 and all(x in known or k % 2 == 0 for x, k in m) for m, c in p.items())
        return fine and (not strict or any(all(x in self.positive for x, _ in m) for m in p))

    def decided(self) -> list[tuple[str, Quotient]]:
        """The decisions as relations."""
        found = []
        for key, op in self.choices.items():
            if isinstance(key, tuple) and key[0] == "sign":
                p = Quotient(dict(key[1]))
                found.append((">", p.scaled(-1)) if op == "<" else (op, p))
        return found

    def holds(self, condition: Any) -> bool:
        """Whether a condition of a case distinction holds."""
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, (And, Or, Not)):
            parts = [self.holds(a) for a in condition.args]
            return (
                not parts[0] if isinstance(condition, Not) else all(parts) if isinstance(condition, And) else any(parts)
            )
        if not isinstance(condition, Relational):
            raise NotChecked(f"the condition {condition} is no relation")
        s = self.sign(self(condition.lhs) + self(condition.rhs).scaled(-1))
        return {"<": s < 0, "<=": s <= 0, ">": s > 0, ">=": s >= 0, "==": s == 0, "!=": s != 0}[condition.rel_op]


def vanishes(e: Any) -> bool:
    """Whether ``e`` is 0 as a quotient of polynomials in its symbols, roots and opaque values."""
    try:
        return not Flat({})(sp.sympify(e)).numerator
    except Fork:
        return False
