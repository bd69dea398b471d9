r"""From floating multipliers to rational ones that prove a bound exactly.

At the least bound S is singular: its kernel carries the Gram matrices of the worst cases.  Two ways around it are
tried in this order.

- *exact*: a rational basis of the kernel is guessed from the floats, S·v = 0 is imposed as linear equations, inactive
  multipliers are set to 0, and what is left is rounded on the exact solution set of all equations.  If it succeeds the
  bound is the solver's value up to its own error (often the exact least bound).
- *interior*: the bound is raised by a small excess, after which multipliers with S ≻ 0 and λ > 0 exist; those
  farthest inside are rounded on the solution set of the equations.

Whatever comes out is believed only after λ ≥ 0, the equations and S ⪰ 0 (LDLᵀ) are checked in fractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sam_theory.engines._worst_case._exact import is_psd, solve_near
from sam_theory.engines._worst_case._solve import Dual, Solved, interior

__all__ = ["EXCESSES", "Rounded", "holds", "round_dual", "round_to"]

#: Relative excesses of the interior rounding, smallest first.
EXCESSES = tuple(Fraction(1, 10**k) for k in (9, 8, 7, 6, 5, 4, 3))
_DIGITS = (2, 4, 6, 9, 12)
_KERNEL, _INACTIVE = 1e-5, 1e-6

Hints = Sequence[tuple[list[Fraction], Fraction | None]]


@dataclass(frozen=True)
class Rounded:
    """Rational multipliers ``y`` that prove ``bound``, and how they were found."""

    y: tuple[Fraction, ...]
    bound: Fraction
    how: str


def holds(dual: Dual, y: list[Fraction]) -> bool:
    """Whether ``y`` proves its bound: multipliers ≥ 0, all equations, S ⪰ 0; in fractions.

    The multiplier τ of the initial condition, an inequality, is ≥ 0 too.
    """
    if y[0] < 0 or any(v < 0 for v in y[dual.first :]):
        return False
    for row, b in zip(dual.equalities, dual.right, strict=True):
        if sum((a * v for a, v in zip(row, y, strict=True)), Fraction(0)) != b:
            return False
    return is_psd(slack_matrix(dual, y))


def slack_matrix(dual: Dual, y: list[Fraction]) -> list[list[Fraction]]:
    """S(y)."""
    size = range(len(dual.constant))
    terms = [(v, m) for v, m in zip(y, dual.matrices, strict=True) if v != 0]
    return [[sum((v * m[i][j] for v, m in terms), dual.constant[i][j]) for j in size] for i in size]


def round_dual(dual: Dual, solved: Solved, hints: Hints = ()) -> Rounded | None:
    """The least bound that can be proved; None where every rounding fails.

    ``hints`` are rational vectors that the kernel may contain, with bounds that may be exact: what simple members
    of the class give.
    """
    tolerance = 1e-8 * max(1.0, abs(solved.value))
    simple = [bound for _, bound in hints if bound is not None]
    simple += [Fraction(solved.value).limit_denominator(10**k) for k in range(1, 7)]
    near = [b for b in dict.fromkeys(simple) if abs(float(b) - solved.value) <= tolerance]
    proofs = [r for bound in (*near[:3], None) if (r := _exact(dual, solved, bound, hints)) is not None]
    if proofs:
        return min(proofs, key=lambda r: r.bound)
    for excess in EXCESSES:
        size = max(abs(solved.value), 1e-3)
        digits = 3 - round(np.log10(float(excess) * size))
        bound = Fraction(solved.value).limit_denominator(10**digits) + excess * Fraction(size).limit_denominator(10**6)
        found = _inside(dual, bound, f"interior, relative excess {float(excess):.0e}")
        if found is not None:
            return found
    return None


def round_to(dual: Dual, solved: Solved, bound: Fraction, hints: Hints = ()) -> Rounded | None:
    """Multipliers that prove exactly ``bound``; None where every rounding fails."""
    close = abs(float(bound) - solved.value) <= 1e-6 * max(1.0, abs(solved.value))
    return (_exact(dual, solved, bound, hints) if close else None) or _inside(dual, bound, "interior")


def _exact(dual: Dual, solved: Solved, bound: Fraction | None, hints: Hints) -> Rounded | None:
    for kernel in _kernels(solved, hints):
        equalities, right = [list(r) for r in dual.equalities], list(dual.right)
        for v in kernel:
            for i in range(len(v)):
                equalities.append([sum((m[i][j] * v[j] for j in range(len(v))), Fraction(0)) for m in dual.matrices])
                right.append(-sum((dual.constant[i][j] * v[j] for j in range(len(v))), Fraction(0)))
        if bound is not None:
            equalities.append(list(dual.cost))
            right.append(bound)
        largest = float(np.max(np.abs(solved.y)))
        idle = [k for k in range(dual.first, len(solved.y)) if solved.y[k] < _INACTIVE * largest]
        for dropped in (idle, []):
            fixed = [[Fraction(int(j == k)) for j in range(len(solved.y))] for k in dropped]
            for digits in _DIGITS:
                y = solve_near([*equalities, *fixed], [*right, *([Fraction(0)] * len(fixed))], list(solved.y), digits)
                if y is None:
                    break
                proved = sum((c * v for c, v in zip(dual.cost, y, strict=True)), Fraction(0))
                if abs(float(proved) - solved.value) < 1e-5 * max(1.0, abs(solved.value)) and holds(dual, y):
                    return Rounded(tuple(y), proved, f"exact, kernel of dimension {len(kernel)}")
    return None


def _kernels(solved: Solved, hints: Hints) -> Iterator[list[list[Fraction]]]:
    """Rational bases of the kernel of S: hints that lie in it, guesses with growing denominators, the trivial one."""
    values, vectors = np.linalg.eigh(solved.slack)
    small = vectors[:, np.abs(values) < _KERNEL * max(1e-12, float(np.max(np.abs(values))))].T
    known = [v for v, _ in hints if _annihilated(solved.slack, v)]
    if known:
        yield known
    if len(small):
        basis = _echelon(small)
        seen: list[list[list[Fraction]]] = []
        for denominator in (10, 100, 1000, 10**4, 10**5, 10**6):
            guess = [[Fraction(float(e)).limit_denominator(denominator) for e in row] for row in basis]
            near = max(
                abs(float(g) - e) for row, b in zip(guess, basis, strict=True) for g, e in zip(row, b, strict=True)
            )
            if near < 1e-3 / denominator and guess not in seen:
                seen.append(guess)
                yield guess
    yield []


def _annihilated(slack: NDArray[np.float64], v: Sequence[Fraction]) -> bool:
    x = np.array([float(e) for e in v])
    return bool(np.linalg.norm(slack @ x) <= 1e-4 * np.linalg.norm(slack) * np.linalg.norm(x))


def _echelon(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduced rows in floats, pivots on the largest entries."""
    m = rows.copy()
    for k in range(len(m)):
        i, j = divmod(int(np.argmax(np.abs(m[k:]))), m.shape[1])
        m[[k, k + i]] = m[[k + i, k]]
        m[k] /= m[k, j]
        for other in range(len(m)):
            if other != k:
                m[other] -= m[other, j] * m[k]
    return m


def _inside(dual: Dual, bound: Fraction, how: str) -> Rounded | None:
    solved = interior(dual, bound)
    if not np.all(np.isfinite(solved.y)):
        return None
    equalities, right = [*dual.equalities, list(dual.cost)], [*dual.right, bound]
    for digits in _DIGITS:
        y = solve_near(equalities, right, list(solved.y), digits)
        if y is not None and holds(dual, y):
            return Rounded(tuple(y), bound, how)
    return None
