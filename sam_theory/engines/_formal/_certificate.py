"""Which products of hypotheses contradict each other: a linear program over their monomials.

The answer is a hint.  Coq's ``lra`` finds the exact multipliers anew from the products that are named here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

_LARGEST = 6000
_TINY = 1e-9


@dataclass(frozen=True)
class Polynomial:
    """A hypothesis ``p ≥ 0``, ``p > 0`` (strict) or ``p = 0`` (equality), with its name in the script."""

    name: str
    poly: Any
    kind: str


@dataclass(frozen=True)
class Product:
    """A product of hypotheses, or a hypothesis of equality times a monomial, or a square times hypotheses."""

    factors: tuple[Polynomial, ...]
    monomial: Any = sp.S.One
    square: Any = None

    @property
    def equality(self) -> bool:
        """Whether the product is 0."""
        return any(f.kind == "=" for f in self.factors)

    @property
    def strict(self) -> bool:
        """Whether the product is positive."""
        return self.square is None and not self.equality and all(f.kind == ">" for f in self.factors)

    def expression(self) -> Any:
        """The product as an expression."""
        return sp.Mul(
            self.monomial, sp.S.One if self.square is None else self.square**2, *(f.poly for f in self.factors)
        )


def contradiction(
    known: Sequence[Polynomial],
    effort: tuple[int, int],
    squares: Sequence[Any] = (),
    *,
    extra: Sequence[Product] = (),
    limit: int = _LARGEST,
) -> list[Product] | None:
    """Products of hypotheses whose combination is 0 > 0, or None.

    ``effort`` bounds the number of factors that are no single symbol, and of those that are.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix

    symbols = generators([p.poly for p in known])
    if not symbols:
        return [Product((p,)) for p in known if p.kind == ">" and p.poly <= 0][:1] or None
    best: dict[Any, Polynomial] = {}
    for p in known[:-1]:
        key = (p.poly, p.kind == "=")
        if key not in best or (p.kind == ">" and best[key].kind == ">="):
            best[key] = p
    known = [*best.values(), known[-1]]
    products = list(itertools.islice(_products(known, effort, squares), limit + 1))
    if len(products) > limit:
        return None
    products = [*extra, *products]
    rings = sp.QQ[tuple(symbols)]
    cache: dict[Any, Any] = {}

    def element(e: Any) -> Any:
        if e not in cache:
            cache[e] = rings.from_sympy(sp.expand(e))
        return cache[e]

    rows: dict[Any, int] = {}
    data, row, column = [], [], []
    for j, product in enumerate(products):
        value = element(product.monomial)
        for f in product.factors:
            value = value * element(f.poly)
        if product.square is not None:
            value = value * element(product.square) ** 2
        terms = dict(value)
        scale = max((abs(float(c)) for c in terms.values()), default=1.0)
        for monomial, coefficient in terms.items():
            row.append(rows.setdefault(monomial, len(rows)))
            column.append(j)
            data.append(float(coefficient) / scale)
    constant = rows.setdefault((0,) * len(symbols), len(rows))
    unit = len(products)
    row.append(constant)
    column.append(unit)
    data.append(1.0)
    strict = [j for j, p in enumerate(products) if p.strict] + [unit]
    normal = len(rows)
    for j in strict:
        row.append(normal)
        column.append(j)
        data.append(1.0)
    matrix = coo_matrix((data, (row, column)), shape=(normal + 1, unit + 1)).tocsr()
    right = np.zeros(normal + 1)
    right[normal] = 1.0
    bounds = [(None, None) if p.equality else (0, None) for p in products] + [(0, None)]
    cost = np.array([0.0 if p.equality else float(len(p.factors)) for p in products] + [1.0])
    found = linprog(cost, A_eq=matrix, b_eq=right, bounds=bounds, method="highs-ds")
    if not found.success:
        return None
    return [p for p, v in zip(products, found.x, strict=False) if abs(v) > _TINY]


def generators(polynomials: Sequence[Any]) -> list[Any]:
    """The symbols, and the values of opaque functions, in which the polynomials are written."""
    inside = {e for p in polynomials for e in (*p.free_symbols, *p.atoms(sp.Function))}
    return sorted(inside, key=sp.default_sort_key)


def _products(known: Sequence[Polynomial], effort: tuple[int, int], squares: Sequence[Any]) -> Iterator[Product]:
    depth, degree = effort
    if degree < 0:
        yield from _targeted(known, depth, -degree, squares)
        return
    atoms = [p for p in known if p.kind != "=" and p.poly.is_Symbol]
    others = [p for p in known if p.kind != "=" and not p.poly.is_Symbol]
    monomials = [m for n in range(degree + 1) for m in itertools.combinations_with_replacement(atoms, n)]
    for n in range(depth + 1):
        for chosen in itertools.combinations_with_replacement(others, n):
            for m in monomials:
                if chosen or m:
                    yield Product((*chosen, *m))
    for square in squares:
        for chosen in ((), *((o,) for o in others)):
            for m in monomials:
                yield Product((*chosen, *m), square=square)
    equalities = [p for p in known if p.kind == "="]
    if equalities:
        yield from _multiples(equalities, known, monomials, others)


def _targeted(known: Sequence[Polynomial], depth: int, rounds: int, squares: Sequence[Any]) -> Iterator[Product]:
    """Products with just the symbols as further factors that make one of their terms a wanted one.

    Wanted are at first the terms of the last polynomial (the negation of the aim), then those of the products.
    """
    gens = generators([p.poly for p in known])
    atoms = {p.poly: p for p in known if p.kind != "=" and p.poly.is_Symbol}
    free = [g in atoms for g in gens]
    others = [p for p in known if p.kind != "=" and not p.poly.is_Symbol]
    ring = sp.QQ[tuple(gens)]
    values = {p.name: ring.from_sympy(p.poly) for p in known}
    bases: list[tuple[Product, Any]] = [(Product(()), ring.one)]
    for n in range(1, depth + 1):
        for chosen in itertools.combinations_with_replacement(others, n):
            value = ring.one
            for c in chosen:
                value = value * values[c.name]
            bases.append((Product(chosen), value))
    for s in squares:
        value = ring.from_sympy(sp.expand(s**2))
        bases += [(Product((), square=s), value)]
        bases += [(Product((o,), square=s), value * values[o.name]) for o in others]
    for e in known:
        if e.kind == "=":
            bases.append((Product((e,)), values[e.name]))
    aim = values[known[-1].name]
    wanted = set(dict(aim)) | (set(dict(aim * aim)) if depth > 1 else set())
    seen: set[tuple[int, Any]] = set()
    for _ in range(rounds):
        following = set(wanted)
        for i, (base, value) in enumerate(bases):
            own = dict(value)
            for w in sorted(wanted):
                for m in own:
                    q = tuple(a - b for a, b in zip(w, m, strict=True))
                    if (i, q) in seen or any(
                        x < 0 or (x and not base.equality and not f) for x, f in zip(q, free, strict=True)
                    ):
                        continue
                    seen.add((i, q))
                    following |= {tuple(a + b for a, b in zip(q, k, strict=True)) for k in own}
                    if base.equality:
                        power = sp.Mul(*(g**n for g, n in zip(gens, q, strict=True)))
                        yield Product(base.factors, monomial=power)
                    elif base.factors or base.square is not None or any(q):
                        extra = [atoms[g] for g, n in zip(gens, q, strict=True) for _ in range(n)]
                        yield Product((*base.factors, *extra), square=base.square)
        wanted = following


def _multiples(
    equalities: Sequence[Polynomial],
    known: Sequence[Polynomial],
    monomials: Sequence[tuple[Polynomial, ...]],
    others: Sequence[Polynomial],
) -> Iterator[Product]:
    """An equality times whatever makes one of its terms a term of another hypothesis (times a monomial)."""
    gens = generators([p.poly for p in known])
    if not gens:
        return
    targets = {t for p in known for t in sp.Poly(p.poly, *gens).monoms()}
    scale = {sp.Poly(sp.Mul(*(p.poly for p in m)), *gens).monoms()[0] for m in monomials}
    wanted = {tuple(a + b for a, b in zip(t, m, strict=True)) for t in targets for m in scale}
    for e in equalities:
        own = sp.Poly(e.poly, *gens).monoms()
        quotients = {
            tuple(a - b for a, b in zip(t, m, strict=True))
            for t in wanted
            for m in own
            if all(a >= b for a, b in zip(t, m, strict=True))
        }
        for q in sorted(quotients | {(0,) * len(gens)}):
            yield Product((e,), monomial=sp.Mul(*(g**n for g, n in zip(gens, q, strict=True))))
