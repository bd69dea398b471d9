"""Leaves by linear programming: products of relations, squares and multiples of equalities that add up to 0.

The program is solved in floating point; its support is then solved for in exact arithmetic, and only that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import sub
from typing import Any

import flint
import numpy as np

from sam_theory.engines._multipliers._rewrite import Multiples, Rewriting
from sam_theory.engines._multipliers._tree import Combine, Poly, Relation, Term

_ZERO = 1e-9


class Column:
    """A term, its normal form, and the multiples of equalities between them."""

    def __init__(self, raw: Poly, term: Term, rewriting: Rewriting) -> None:
        self.term = term
        self.poly, reduced = rewriting(raw)
        self.multiples: Multiples = {e: -q for e, q in reduced.items()}
        self.entries = self.poly.to_dict()

    @property
    def strict(self) -> bool:
        return self.term.square is None and all(r.strict for r in self.term.factors)


class Products:
    """Products of relations, times monomials that the signs of the variables make nonnegative.

    Only monomials that carry a monomial of one product to a monomial of another are tried.
    """

    def __init__(self, known: Sequence[Relation], one: Poly) -> None:
        self.one = one
        gens = one.context().gens()
        self.sign: dict[int, Relation] = {}
        self.factors: list[Relation] = []
        #: the monomials of the equalities
        self.equal = {tuple(map(int, m)) for r in known if r.op == "==" for m in r.poly.to_dict()}
        names = {str(x): i for i, x in enumerate(gens)}
        for r in known:
            i = names.get(str(r.poly))
            if r.op == "==":
                continue
            if i is None:
                self.factors.append(r)
            elif r.op != "!=" and (i not in self.sign or r.strict):
                self.sign[i] = r
            elif r.op == "!=":
                self.factors.append(r)

    def plain(self, count: int) -> list[tuple[Poly, Term]]:
        """Products of at most ``count`` relations that are no signs of variables."""
        level: list[tuple[tuple[int, ...], Poly]] = [((), self.one)]
        found = []
        polys = [r.factor for r in self.factors]
        for n in range(count + 1):
            found += [(p, Term(1, tuple(self.factors[i] for i in indices))) for indices, p in level]
            if n < count:
                level = [
                    ((*indices, i), p * polys[i])
                    for indices, p in level
                    for i in range(indices[-1] if indices else 0, len(polys))
                ]
        return found

    def times(self, p: Poly, term: Term, monomial: tuple[int, ...]) -> tuple[Poly, Term]:
        """The product times a monomial in which variables of unknown sign have even powers."""
        extra: list[Relation] = []
        root = [0] * len(monomial)
        for i, k in enumerate(monomial):
            if k and i in self.sign:
                extra += [self.sign[i]] * k
            else:
                root[i] = k // 2
        context = self.one.context()
        square = term.square
        if any(root):
            s = context.from_dict({tuple(root): flint.fmpq(1)})
            square = s if square is None else square * s
        q = p * context.from_dict({tuple(monomial): flint.fmpq(1)})
        return q, Term(1, (*term.factors, *extra), square)


def scaled(
    source: Products, base: Sequence[tuple[Poly, Term]], rewriting: Rewriting, rounds: int, limit: int
) -> list[Column]:
    """Columns of the products, and of their multiples by monomials that lead into the support, in rounds."""
    columns = [Column(p, term, rewriting) for p, term in base]
    variables = source.one.context().nvars()
    seen = {(n, (0,) * variables) for n in range(len(base))}
    monomials = [np.array([tuple(map(int, m)) for m in p.to_dict()], np.int64).reshape(-1, variables) for p, _ in base]
    unsigned = [i for i in range(variables) if i not in source.sign]
    for _ in range(rounds):
        present = {m for c in columns for m in c.entries} | source.equal
        support = np.array(sorted(present), np.int64).reshape(-1, variables)
        new: list[tuple[int, int, int, tuple[int, ...]]] = []
        for n, own in enumerate(monomials):
            shifts = (support[:, None, :] - own[None, :, :]).reshape(-1, variables)
            fits = (shifts >= 0).all(axis=1) & (shifts[:, unsigned] % 2 == 0).all(axis=1)
            found, hits = np.unique(shifts[fits], axis=0, return_counts=True)
            for shift, hit in zip(found.tolist(), hits.tolist(), strict=True):
                if (n, tuple(shift)) not in seen:
                    new.append((len(own) - hit, sum(shift), n, tuple(shift)))
        for _, _, n, shift in sorted(new)[: limit - len(columns)]:
            seen.add((n, shift))
            columns.append(Column(*source.times(*base[n], shift), rewriting))
    return columns


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


def completed(p: Poly) -> Iterator[Poly]:
    """What completing the square in p squares: c·m + ½ Σ p[m·n]·n for a monomial m² of coefficient c, n ≠ m."""
    entries = {tuple(map(int, m)): c for m, c in p.to_dict().items()}
    for square, c in entries.items():
        if any(k % 2 for k in square):
            continue
        root = tuple(k // 2 for k in square)
        row = {root: c}
        for m, v in entries.items():
            other = tuple(map(sub, m, root))
            if m != square and min(other, default=0) >= 0:
                row[other] = v / 2
        for kept in (row, {m: v for m, v in row.items() if m == root or max(m, default=0) < 2}):
            if 1 < len(kept) <= 8:
                yield p.context().from_dict(kept)


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
    for j, column in enumerate(columns):
        scale = max((abs(c) for c in column.entries.values()), default=flint.fmpq(1))
        for m, c in column.entries.items():
            ratio = c / scale
            data.append(int(ratio.p) / int(ratio.q))
            row.append(rows.setdefault(m, len(rows)))
            col.append(j)
    strict = [j for j, c in enumerate(columns) if c.strict]
    if not strict:
        return None
    for j in strict:
        data.append(1.0)
        row.append(len(rows))
        col.append(j)
    from scipy import sparse  # slow to import
    from scipy.optimize import linprog

    matrix = sparse.csr_array((data, (row, col)), shape=(len(rows) + 1, len(columns)))
    right = np.zeros(len(rows) + 1)
    right[-1] = 1.0
    cost = np.array([1.0 + 0.1 * len(c.term.factors) for c in columns])
    found = linprog(cost, A_eq=matrix, b_eq=right, method="highs-ds")
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
    return None if any(v < 0 for v in solution) else solution


def _leaf(parts: Sequence[tuple[Column, Any]]) -> Combine:
    terms: list[Term] = []
    cofactors: Multiples = {}
    for column, value in parts:
        terms.append(Term(value, column.term.factors, column.term.square))
        for e, q in column.multiples.items():
            cofactors[e] = cofactors[e] + q * value if e in cofactors else q * value
    return Combine(tuple(terms), tuple((e, q) for e, q in cofactors.items() if q != 0))
