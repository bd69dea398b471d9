"""Simple rationals: Stern–Brocot, and shrinking a violation to one with small numerators and denominators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import floor

import numpy as np

from sam_theory.engines._search._instances import Batch, Point, Sampler
from sam_theory.engines._search._judge import Judge
from sam_theory.engines._search._starts import counts
from sam_theory.verdicts import Witness

__all__ = ["shrink", "simplest"]

_WIDTHS = (0.5, 0.2, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6, 1e-9)


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The rational of least denominator (then numerator) in [low, high].

    Examples
    --------
    >>> simplest(Fraction(31, 100), Fraction(34, 100))
    Fraction(1, 3)
    """
    if low > high:
        low, high = high, low
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest(-high, -low)
    whole = floor(low)
    if whole == low:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / simplest(1 / (high - whole), 1 / (low - whole))


def _near(a: Fraction, width: float) -> Fraction:
    spread = abs(a) * Fraction(width).limit_denominator(10**10)
    return simplest(a - spread, a + spread)


def shrink(judge: Judge, sampler: Sampler, batch: Batch, row: int, budget: int) -> Witness | None:
    """The simplest witness near a suspicious row, confirmed exactly; None if none near it can be confirmed.

    All coordinates are rounded together, ever more closely, until the exact violation persists; then one
    after the other is rounded as coarsely as it allows.
    """
    raw = batch.point(row, None)
    current: Point | None = None
    found: Witness | None = None
    tried = 0
    for width in _WIDTHS:
        candidate = _map(sampler, raw, partial(_near, width=width))
        if candidate is None or not _suspicious(judge, candidate):
            continue
        tried += 1
        found = confirm(judge, sampler, candidate)
        if found is not None:
            current = candidate
            break
        if tried >= 3:
            break
    if current is None or found is None:
        return None
    names: list[str | int] = [*(s.name for s in sampler.parameters.free), *range(len(current.start))]
    names += [k for k in current.values if k.startswith("m_")]
    spent = 0
    for name in names:
        for width in (0.9, 0.5, 0.2, 0.1, 0.03):
            if spent >= budget:
                return found
            smaller = _changed(sampler, current, name, width)
            if smaller is None or smaller.complexity >= current.complexity or not _suspicious(judge, smaller):
                continue
            spent += 1
            better = confirm(judge, sampler, smaller)
            if better is not None:
                current, found = smaller, better
                break
    return found


def confirm(judge: Judge, sampler: Sampler, point: Point) -> Witness | None:
    """A witness if ``point`` is admissible and the claim fails there, both exactly."""
    if not sampler.parameters.admits({s.name: point.values[s.name] for s in sampler.scene.symbols}):
        return None
    found = judge.confirm(point)
    return found if found is not None and counts(judge, point, found) else None


def _suspicious(judge: Judge, point: Point) -> bool:
    return bool(judge.violation(Batch.of([point]))[0] > judge.tolerance)


def _map(sampler: Sampler, point: Point, change: Callable[[Fraction], Fraction]) -> Point | None:
    values = {k: _member(k, change(v)) if k.startswith("m_") else change(v) for k, v in point.values.items()}
    return _completed(sampler, replace(point, values=values, start=tuple(map(change, point.start))))


def _member(name: str, a: Fraction) -> Fraction:
    free = any(word in name for word in ("length", "width", "offset", "shift"))
    return a if free else min(max(a, Fraction(0)), Fraction(1))


def _completed(sampler: Sampler, point: Point) -> Point | None:
    if not sampler.parameters.solved:
        return point
    try:
        return replace(point, values=sampler.parameters.complete(point.values, exact=True))
    except ArithmeticError:
        return None


def _changed(sampler: Sampler, point: Point, name: str | int, width: float) -> Point | None:
    if isinstance(name, int):
        start = [*point.start]
        start[name] = _near(start[name], width)
        return replace(point, start=tuple(start))
    value = _near(point.values[name], width)
    if name.startswith("m_"):
        value = _member(name, value)
    return _completed(sampler, replace(point, values={**point.values, name: value}))


def by_complexity(batch: Batch, rows: np.ndarray) -> list[Point]:
    """The named rows as points, the simplest first."""
    points = [batch.point(int(i)) for i in rows]
    return sorted(points, key=lambda p: p.complexity)
