"""Leaves by linear programming: products of relations, squares and multiples of equalities that add up to 0.

The program is solved in floating point; its support is then solved for in exact arithmetic, and only that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
import scipy.sparse
from scipy.optimize import linprog

from sam_theory.engines._multipliers._rewrite import Multiples, Rewriting
from sam_theory.engines._multipliers._tree import Combine, Poly, Relation, Term

_ZERO = 1e-9


class Column:
    """A term, its normal form, and the multiples of equalities between them; ``free`` columns are such multiples."""

    def __init__(self, raw: Poly, rewriting: Rewriting, term: Term | None, multiples: Multiples | None = None) -> None:
        self.term = term
        self.poly, reduced = rewriting(raw)
        self.multiples: Multiples = dict(multiples or {})
        for e, q in reduced.items():
            self.multiples[e] = self.multiples[e] - q if e in self.multiples else -q
        self.entries = self.poly.to_dict()

    @property
    def strict(self) -> bool:
        return self.term is not None and self.term.square is None and all(r.strict for r in self.term.factors)


@dataclass(frozen=True)
class Atom:
    """A factor of products: that of a relation, or a square."""

    poly: Poly
    relation: Relation | None = None
    root: Poly | None = None


def products(atoms: Sequence[Atom], one: Poly, count: int, degree: int) -> Iterator[tuple[Poly, Term]]:
    """Products of at most ``count`` atoms, of at most that degree."""
    level: list[tuple[tuple[int, ...], Poly]] = [((), one)]
    degrees = [int(a.poly.total_degree()) for a in atoms]
    for n in range(count + 1):
        yield from ((p, _term([atoms[i] for i in indices], one)) for indices, p in level)
        if n < count:
            level = [
                ((*indices, i), p * atoms[i].poly)
                for indices, p in level
                for i in range(indices[-1] if indices else 0, len(atoms))
                if int(p.total_degree()) + degrees[i] <= degree
            ]


def _term(atoms: Sequence[Atom], one: Poly) -> Term:
    root, squared = one, False
    for a in atoms:
        if a.root is not None:
            root, squared = root * a.root, True
    return Term(1, tuple(a.relation for a in atoms if a.relation is not None), root if squared else None)


def squares(columns: Sequence[Column], limit: int) -> Iterator[Poly]:
    """Binomials whose squares may cancel: (a − t·b)² where the columns have a², b² and a·b."""
    if not columns:
        return
    context = columns[0].poly.context()
    support: dict[tuple[int, ...], list[Any]] = {}
    for c in columns:
        for m, v in c.entries.items():
            support.setdefault(m, []).append((c, v))
    roots = sorted(tuple(k // 2 for k in m) for m in support if all(k % 2 == 0 for k in m))
    found = 0
    for i, a in enumerate(roots):
        for b in roots[:i]:
            mixed = tuple(x + y for x, y in zip(a, b, strict=True))
            if mixed not in support:
                continue
            ratios = {flint.fmpq(1)}
            first, second = tuple(2 * x for x in a), tuple(2 * x for x in b)
            for c, v in support[mixed]:
                if first in c.entries:
                    ratios.add(abs(v / c.entries[first] / 2))
                if second in c.entries:
                    ratios.add(abs(c.entries[second] * 2 / v))
            for t in sorted(ratios):
                for sign in (1, -1):
                    yield context.from_dict({a: flint.fmpq(1), b: t * sign})
                    found += 1
                    if found >= limit:
                        return


def solve(columns: Sequence[Column]) -> Combine | None:
    """Positive coefficients with Σ coefficient · column = 0 in which a strict column occurs, or None."""
    chosen = _support(columns)
    exact = None if chosen is None else _exact([columns[i] for i in chosen])
    if chosen is None or exact is None:
        return None
    return _leaf([(columns[i], c) for i, c in zip(chosen, exact, strict=True) if c != 0])


def _support(columns: Sequence[Column]) -> list[int] | None:
    rows: dict[Any, int] = {}
    data, row, col = [], [], []
    scales = []
    for j, column in enumerate(columns):
        scale = max((abs(float(c.p) / float(c.q)) if c.p.bit_length() < 900 else 1.0 for c in column.entries.values()), default=1.0)
        scales.append(scale)
        for m, c in column.entries.items():
            data.append(int(c.p) / int(c.q) / scale)
            row.append(rows.setdefault(m, len(rows)))
            col.append(j)
    strict = [j for j, c in enumerate(columns) if c.strict]
    if not strict:
        return None
    for j in strict:
        data.append(1.0)
        row.append(len(rows))
        col.append(j)
    matrix = scipy.sparse.csr_array((data, (row, col)), shape=(len(rows) + 1, len(columns)))
    right = np.zeros(len(rows) + 1)
    right[-1] = 1.0
    cost = np.array([0.0 if c.term is None else 1.0 + 0.1 * len(c.term.factors) for c in columns])
    bounds = [(None, None) if c.term is None else (0, None) for c in columns]
    found = linprog(cost, A_eq=matrix, b_eq=right, bounds=bounds, method="highs-ds")
    if found.status != 0:
        return None
    return [j for j, v in enumerate(found.x) if abs(v) > _ZERO]


def _exact(columns: Sequence[Column]) -> list[Any] | None:
    """The coefficients of a combination that is 0, with those of strict columns adding up to 1."""
    monomials = sorted({m for c in columns for m in c.entries})
    place = {m: i for i, m in enumerate(monomials)}
    n = len(columns)
    table = [[flint.fmpq(0)] * (n + 1) for _ in range(len(monomials) + 1)]
    for j, column in enumerate(columns):
        for m, c in column.entries.items():
            table[place[m]][j] = c
        if column.strict:
            table[-1][j] = flint.fmpq(1)
    table[-1][n] = flint.fmpq(1)
    reduced, rank = flint.fmpq_mat(table).rref()
    solution = [flint.fmpq(0)] * n
    for i in range(rank):
        pivot = next(j for j in range(n + 1) if reduced[i, j] != 0)
        if pivot == n:
            return None
        solution[pivot] = reduced[i, n]
    if any(v < 0 for v, c in zip(solution, columns, strict=True) if c.term is not None):
        return None
    return solution


def _leaf(parts: Sequence[tuple[Column, Any]]) -> Combine:
    terms, cofactors = [], {}
    for column, value in parts:
        if column.term is not None:
            terms.append(Term(value, column.term.factors, column.term.square))
        for e, q in column.multiples.items():
            cofactors[e] = cofactors[e] + q * value if e in cofactors else q * value
    return Combine(tuple(terms), tuple((e, q) for e, q in cofactors.items() if q != 0))
