"""Certificates at points: a one-step bound over a class, by the dual multipliers of its worst case at each point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from sam_theory.checker._dual import verify_dual
from sam_theory.checker._numbers import fraction_of
from sam_theory.checker._rejected import Rejected
from sam_theory.losses import FunctionClass
from sam_theory.theorems import Inequality, Theorem, dot, gap, norm, w, w_next, w_star

__all__ = ["check_points", "points_text"]

_METRICS = ("gap", "distance")


def points_text(theorem: Theorem, points: list[Mapping[str, str]]) -> str:
    """Where the claim is certified, in words."""
    listed = ("(" + ", ".join(f"{n}={p[n]}" for n in sorted(p)) + ")" for p in points)
    return f"class {theorem.loss.name}, at the points {', '.join(listed)}"


def check_points(theorem: Theorem, body: Any) -> str:
    """Check every point of a certificate of the form ``points``.

    Parameters
    ----------
    theorem : Theorem
        Its claim must read after ≤ rate·before in L − L* or ‖w − w*‖², over a class of functions.
    body : JSON data
        ``region`` and ``points``, each with ``params`` and the ``dual`` that :func:`verify_dual` reads.

    Returns
    -------
    str
        The region.

    Raises
    ------
    Rejected
        With the first thing that is wrong.
    """
    if not isinstance(body, dict) or set(body) != {"region", "points"} or not isinstance(body["points"], list):
        raise Rejected("the body is not made of a region and a list of points")
    claim = theorem.expanded_claim
    if not isinstance(claim, Inequality) or claim.given or theorem.starts is not None:
        raise Rejected("the claim is no inequality about one step from every start")
    if not body["points"]:
        raise Rejected("there are no points")
    seen: list[Mapping[str, str]] = []
    for entry in body["points"]:
        if not isinstance(entry, dict) or set(entry) != {"params", "dual"} or not isinstance(entry["params"], dict):
            raise Rejected("a point is not made of its params and its dual")
        if entry["params"] in seen:
            raise Rejected("a point is listed twice")
        seen.append(entry["params"])
        _check(theorem, claim, entry["params"], entry["dual"])
    if body["region"] != points_text(theorem, seen):
        raise Rejected("the region is not the one of its points")
    return f"on {body['region']}, in fractions"


def _check(theorem: Theorem, claim: Inequality, params: Mapping[str, Any], dual: Any) -> None:
    if not isinstance(theorem.loss, FunctionClass):
        raise Rejected("the statement is not about a class of functions")
    at = _point(theorem, params)
    constants = {n: getattr(theorem.loss, n) for n in theorem.loss.constants}
    expected = {
        "rule": theorem.rule.name,
        "options": {n: str(v) for n, v in theorem.rule.options.items()},
        "class": type(theorem.loss).__name__,
        "constants": {n: _text_of(e, at) for n, e in constants.items()},
        "parameters": {s.name: str(v) for s, v in at.items() if s.name in theorem.rule.parameters},
        "steps": 1,
        "level": "1",
        "gradient_norm": None,
    }
    if not isinstance(dual, dict):
        raise Rejected("a dual is not an object")
    for key, value in expected.items():
        if key not in dual or dual[key] != value or type(dual[key]) is not type(value):
            raise Rejected(f"the entry '{key}' of a dual is not that of the statement at its point")
    if not {dual.get("initial"), dual.get("final")} <= set(_METRICS):
        raise Rejected("a dual names other quantities than gap and distance")
    after = _quantity(dual["final"], w_next)
    if sp.expand(_squared(claim.lhs).subs(at) - after) != 0:
        raise Rejected("the left side of the claim is not the quantity that the dual bounds")
    bound = sp.Rational(verify_dual(dual, {theorem.rule.name: theorem.rule}))
    before = _quantity(dual["initial"], w)
    right = sp.expand(_squared(claim.rhs).subs(at).doit())
    rate = right.coeff(next(iter(sp.Add.make_args(before))))
    if sp.expand(right - rate * before) != 0 or not rate.is_Rational:
        raise Rejected("the right side of the claim is no multiple of the quantity before the step")
    if bound > rate or claim.strict:
        raise Rejected(f"the dual proves the factor {bound}, which does not give the claim")


def _quantity(metric: str, v: Any) -> sp.Expr:
    return gap(v) if metric == "gap" else dot(v - w_star, v - w_star)


def _squared(e: Any) -> Any:
    """‖v‖² written as an inner product."""
    return e.replace(
        lambda x: x.is_Pow and x.exp == 2 and x.base.func is type(norm(w)), lambda x: dot(*x.base.args * 2)
    )


def _point(theorem: Theorem, params: Mapping[str, Any]) -> dict[sp.Symbol, sp.Rational]:
    if set(params) != {s.name for s in theorem.symbols}:
        raise Rejected("a point does not give a value to every parameter of the statement")
    at = {s: _number(params[s.name]) for s in theorem.symbols}
    for h in theorem.all_hypotheses:
        if h.subs(at).doit() != sp.true:
            raise Rejected(f"the hypothesis {h} does not hold at a point")
    return at


def _number(text: Any) -> sp.Rational:
    found = fraction_of(text)
    return sp.Rational(found.numerator, found.denominator)


def _text_of(e: Any, at: Mapping[Any, Any]) -> str:
    found = sp.sympify(e).subs(at)
    if not found.is_Rational:
        raise Rejected(f"{e} is no rational number at a point")
    return str(found)
