"""The engine worst-case: one-step bounds over a class, certified at single rational parameter points.

It applies to claims ``after ≤ rate·before``, where before and after are the excess loss or the squared distance to the
minimiser.  At each point the bound is certified by rational dual multipliers, or refuted by exact data.  A certificate
at points says nothing about the parameters between them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Vec, as_fraction, dot, norm
from sam_theory.checker import points_text
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._data import Rejected, confirm_data
from sam_theory.engines._worst_case._solve import MISSING, available
from sam_theory.engines._worst_case._worst import worst_case
from sam_theory.errors import InputError
from sam_theory.losses import FunctionClass
from sam_theory.theorems import Inequality, InterpolationData, Theorem, gap, w, w_next, w_star
from sam_theory.verdicts import NOT_RUN, Evidence, Region

__all__ = ["applies", "certify_worst_case"]

_POINTS = {"quick": 2, "default": 6, "full": 16}
_VALUES = {
    "beta": ("1",),
    "alpha": ("1/10", "2/5"),
    "eta": ("1", "1/2", "3/2", "1/4"),
    "rho": ("1/2", "1", "1/10", "3"),
}
_TRUST = ("Fraction", "interpolation conditions")


@dataclass(frozen=True)
class _Bound:
    """The claim read as final ≤ rate·initial."""

    initial: str
    final: str
    rate: Any


def _bound(theorem: Theorem) -> _Bound | None:
    claim = theorem.expanded_claim
    if not isinstance(claim, Inequality) or claim.strict or claim.given or not isinstance(theorem.loss, FunctionClass):
        return None
    left, right = (_with_squares(e) for e in (claim.lhs, claim.rhs))
    before = {"gap": gap(w), "distance": dot(w - w_star, w - w_star)}
    after = {"gap": gap(w_next), "distance": dot(w_next - w_star, w_next - w_star)}
    final = next((m for m, e in after.items() if sp.expand(left - e) == 0), None)
    if final is None:
        return None
    for initial, e in before.items():
        rate = sp.simplify(right / e)
        if not rate.atoms(Vec):
            return _Bound(initial, final, rate)
    return None


def _with_squares(e: Any) -> Any:
    """‖v‖² as an inner product, so that both ways of writing it are the same."""
    return e.xreplace({norm(v) ** 2: dot(v, v) for v in e.atoms(Vec)})


def applies(theorem: Theorem) -> bool:
    """Whether the claim has the form that this engine certifies."""
    return theorem.starts is None and _bound(theorem) is not None


def certify_worst_case(theorem: Theorem, budget: Budget) -> Evidence:
    """Certify a one-step bound at a few parameter points, or refute it at one of them.

    Returns
    -------
    Evidence
        ``certified`` with the points as its region; ``supported`` where the solver agrees, but some rounding fails;
        ``refuted`` with interpolation data; ``not-run`` where Clarabel is missing; else ``undecided``.
    """
    began = time.perf_counter()
    if not available():
        return Evidence("worst-case", NOT_RUN, MISSING)
    bound = _bound(theorem) if theorem.starts is None else None
    if bound is None:
        return Evidence("worst-case", "undecided", "not a one-step bound rate·(L−L*) or rate·‖w−w*‖² over a class")
    try:
        return _at_points(theorem, bound, budget, began)
    except InputError as problem:
        return Evidence("worst-case", "undecided", str(problem), seconds=time.perf_counter() - began)


def _at_points(theorem: Theorem, bound: _Bound, budget: Budget, began: float) -> Evidence:
    assert isinstance(theorem.loss, FunctionClass)
    done: list[dict[str, Any]] = []
    open_ones: list[str] = []
    excess = 0.0
    for point in _points(theorem, _POINTS.get(budget.name, 2)):
        exact = bound.rate.subs(point).doit()
        if not exact.is_Rational:  # never rounded: a simpler number nearby is another claim
            raise InputError(f"the rate {exact} is not rational at a point of the grid")
        rate = as_fraction(exact)
        numbers = {s.name: as_fraction(v) for s, v in point.items()}
        found = worst_case(
            theorem.rule, theorem.loss, numbers, metric=bound.final, initial=bound.initial, bound=rate
        )  # fmt: skip
        text = "(" + ", ".join(f"{n}={v}" for n, v in numbers.items()) + ")"
        if found.certified is not None:
            done.append({"params": {n: str(v) for n, v in numbers.items()}, "dual": found.certificate})
            continue
        if found.value is not None and found.value > float(rate) * (1 + 1e-7) + 1e-12:
            data = found.data(rate)
            if data is not None and (refuted := _refuted(theorem, data, began, len(done) + 1)) is not None:
                return refuted
            return Evidence("worst-case", "undecided", f"the solver finds {found.value:.9g} > {rate} at {text}")
        excess = max(excess, (found.value or 0.0) - float(rate))
        open_ones.append(text)
    seconds = time.perf_counter() - began
    if not done and not open_ones:
        return Evidence("worst-case", "undecided", "no parameter point of the grid satisfies the hypotheses")
    if open_ones:
        detail = f"the solver agrees, but no rounding is a proof at {', '.join(open_ones)}"
        return Evidence(
            "worst-case", "supported", detail, ("Clarabel",), seconds, evaluations=len(done) + len(open_ones)
        )
    detail = f"rational dual multipliers at {len(done)} parameter points"
    region = points_text(theorem, [p["params"] for p in done])
    return Evidence(
        "worst-case",
        "certified",
        detail,
        _TRUST,
        seconds,
        evaluations=len(done),
        region=region,
        covers=Region(theorem.loss.name, partial=True),
        certificate={"region": region, "points": done},
    )


def _refuted(theorem: Theorem, data: InterpolationData, began: float, count: int) -> Evidence | None:
    try:
        witness = confirm_data(theorem, data)
    except Rejected:
        return None
    detail = "interpolation data from the semidefinite problem, confirmed in fractions"
    seconds = time.perf_counter() - began
    return Evidence("worst-case", "refuted", detail, ("Fraction",), seconds, evaluations=count, witness=witness)


def _points(theorem: Theorem, count: int) -> Iterator[dict[sp.Symbol, sp.Rational]]:
    """Simple parameter points that satisfy the hypotheses, spread over the grid."""
    unknown = [s.name for s in theorem.symbols if s.name not in _VALUES]
    if unknown:
        raise InputError(f"no values are known to try for '{unknown[0]}'")
    grid = list(product(*(_VALUES[s.name] for s in theorem.symbols)))
    admitted = []
    for values in grid:
        point = {s: sp.Rational(Fraction(v)) for s, v in zip(theorem.symbols, values, strict=True)}
        if all(h.subs(point) == sp.true for h in theorem.all_hypotheses):
            admitted.append(point)
    stride = max(1, len(admitted) // count)
    yield from [*_suggested(theorem), *admitted[::stride]][:count]


def _suggested(theorem: Theorem) -> list[dict[sp.Symbol, sp.Rational]]:
    """The parameters at which the statement itself suspects a counterexample."""
    if theorem.candidate is None or any(s.name not in theorem.candidate.params for s in theorem.symbols):
        return []
    point = {s: sp.Rational(str(theorem.candidate.params[s.name])) for s in theorem.symbols}
    return [point] if all(h.subs(point) == sp.true for h in theorem.all_hypotheses) else []
