"""Every engine answers statements whose truth is known, through the entry points that ``verify`` uses.

A prover must prove the true ones and none of the false ones, the search refute the false ones only, the ball engine
certify the true ones only.  Enclosures are besides compared with orbits in fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import sympy as sp
from flint import fmpq

from sam_theory.arithmetic import Ball, Coordinates, Rational, coordinate, norm
from sam_theory.dynamics import Map
from sam_theory.engines import _second
from sam_theory.engines._ball import box, certify, enclose
from sam_theory.engines._budget import budget_of
from sam_theory.engines._formal import coqc_path, formal
from sam_theory.engines._prove import prove, second_opinion
from sam_theory.engines._search import search
from sam_theory.engines._worst_case import certify_worst_case
from sam_theory.engines._worst_case._solve import available
from sam_theory.errors import InputError, nearest
from sam_theory.losses import Expression, Quadratic
from sam_theory.rules import Rule, gd, sam, usam
from sam_theory.theorems import (
    Claim,
    Cycle,
    Envelope,
    Identity,
    Inequality,
    Source,
    Stability,
    Theorem,
    Threshold,
    eps,
    eta,
    lam,
    library,
    rho,
    t,
    w,
    w_next,
    w_start,
)

__all__ = ["SELF_TESTS", "Check", "self_test"]


@dataclass(frozen=True)
class Check:
    """One statement of known truth and whether the engine answered as it must."""

    engine: str
    name: str
    expected: str
    found: str

    @property
    def passed(self) -> bool:
        """Whether the engine answered as it must."""
        return self.expected == self.found


_SOURCE = Source("self-test", "known answers")
_s = eta * lam
_eps_star = eta * lam**2 * rho / (2 - _s)
_radius = (_eps_star - eps) / lam
_multiplier = _s - 1 + (2 - _s) * eps / _eps_star


def _statement(name: str, claim: Claim, *hypotheses: sp.Basic, rule: Rule = gd) -> Theorem:
    return Theorem(
        slug=f"self-test.{name}", title=name, source=_SOURCE, rule=rule, loss=Quadratic(lam),
        claim=claim, hypotheses=hypotheses,
    )  # fmt: skip


@cache
def _statements() -> dict[str, tuple[Theorem, bool]]:
    """Statements by name, and whether they are true."""
    u, after = coordinate(w), coordinate(w_next)
    cycle = ((_radius,), (-_radius,))
    plain = tuple((p[0].subs(eps, 0),) for p in cycle)
    inside = (_s < 2, eps > 0, eps < _eps_star)
    known = {
        "step": (Identity(after, (1 - _s) * u), True, (), gd),
        "step with a wrong factor": (Identity(after, (1 - 2 * _s) * u), False, (), gd),
        "ascent": (Identity(after, (1 - _s * (1 + rho * lam)) * u), True, (), usam),
        "ascent with a wrong sign": (Identity(after, (1 - _s * (1 - rho * lam)) * u), False, (rho > 0,), usam),
        "contraction": (Inequality(norm(w_next), norm(w)), True, (_s < 2,), gd),
        "contraction beyond its range": (Inequality(norm(w_next), norm(w)), False, (_s < 3,), gd),
        "threshold": (Threshold(Stability((sp.S.Zero,)), eta, 2 / (lam + rho * lam**2)), True, (), usam),
        "threshold of another rule": (Threshold(Stability((sp.S.Zero,)), eta, 2 / lam), False, (rho > 0,), usam),
        "cycle": (Cycle(cycle, (_multiplier**2,)), True, inside, sam.free("eps")),
        "cycle with a wrong multiplier": (Cycle(cycle, ((1 - _s) ** 2,)), False, inside, sam.free("eps")),
        "cycle without eps": (Cycle(plain, ((1 - _s) ** 2,)), True, (_s < 2, rho > 0), sam),
        "envelope": (Envelope(norm(w), 2 * (1 - _s) ** t * norm(w_start)), True, (_s < 1,), gd),
        "envelope one step ahead": (Envelope(norm(w), (1 - _s) ** (t + 1) * norm(w_start)), False, (_s < 1,), gd),
    }
    return {n: (_statement(n.replace(" ", "-"), c, *h, rule=r), true) for n, (c, true, h, r) in known.items()}


def _checks(engine: str, names: Sequence[str], ask: Callable[[Theorem], str], yes: bool, answer: str) -> list[Check]:
    """``answer`` is what the engine must say of the statements that are ``yes``, and of no other."""
    found = []
    for name in names:
        theorem, true = _statements()[name]
        said = ask(theorem)
        expected = answer if true is yes else f"not {answer}"
        found.append(Check(engine, name, expected, answer if said == answer else f"not {answer}"))
    return found


def _prover(engine: str, *names: str) -> Callable[[], list[Check]]:
    def ask(theorem: Theorem) -> str:
        found = prove(theorem, (engine,), budget_of("quick"), np.random.default_rng(0))
        return found[0].verdict if found else "undecided"

    return lambda: _checks(engine, names, ask, True, "proved")


def _search() -> list[Check]:
    names = [n for n in _statements() if n != "cycle"]
    return _checks("search", names, lambda theorem: search(theorem, "quick").verdict, False, "refuted")


def _ball() -> list[Check]:
    # true on the box that is chosen; beyond the degrees that the test of identities affords
    left_out = ("contraction beyond its range", "cycle")
    names = [n for n in _statements() if n not in left_out]
    found = _checks("ball", names, lambda theorem: certify(theorem, "quick").verdict, True, "certified")
    return [*found, *_enclosures()]


def _enclosures() -> list[Check]:
    """Enclosed orbits contain the orbits in fractions of the corners of their boxes at the same step, and little else.

    Slopes that are too large enclose, but too much: of a narrow box the hull may be half as wide again as the
    distance of the corners' orbits, not more.
    """
    map = Map(gd, Expression("w**2/3 + w**2/(1 + w**2)", ["w"]))
    point = [(Fraction(1, 7), Fraction(1, 3))]
    narrow = [(a, b) for a in (Fraction(1, 7), Fraction(10, 69)) for b in (Fraction(1, 3), Fraction(10, 29))]
    found = []
    for a in (Fraction(1, 3), Fraction(1, 10), Fraction(2**70 + 1)):
        inside = Ball().number(a).contains(_fmpq(a))
        found.append(Check("ball", f"the number {a}", "inside", "inside" if inside else "outside"))
    for name, corners, steps in (
        ("point", point, 1),
        ("point", point, 5),
        ("narrow", narrow, 1),
        ("narrow", narrow, 4),
    ):
        etas, starts = zip(*corners, strict=True)
        some = box({"eta": (str(min(etas)), str(max(etas))), "w:0": (str(min(starts)), str(max(starts)))})
        orbits = [_exact(map, step, start, steps) for step, start in corners]
        try:
            hull = enclose(map, some, steps).hull[0]
            inside = all(hull.contains(_fmpq(a)) for a in orbits)
            slack = Fraction(3, 4) * (max(orbits) - min(orbits)) + Fraction(1, 10**12)
            said = "outside" if not inside else "inside" if float(hull.rad()) <= slack else "too wide"
        except ArithmeticError as problem:
            said = str(problem)
        found.append(Check("ball", f"orbits from a {name} box after {steps} steps", "inside", said))
    return found


def _cvc5() -> list[Check]:
    names = ("contraction", "contraction beyond its range")
    units, rng = budget_of("quick"), np.random.default_rng(0)
    return _checks("cvc5", names, lambda theorem: second_opinion(theorem, units, rng).verdict, True, "proved")


def _formal() -> list[Check]:
    names = ("step", "step with a wrong factor")
    return _checks("formal", names, lambda theorem: formal(theorem, search=True).verdict, True, "proved")


def _worst_case() -> list[Check]:
    known = {"usam-worst-case-distance.one-step": "certified", "usam-distance-quadratic-everywhere": "refuted"}
    found = {t.slug: certify_worst_case(t, budget_of("quick")).verdict for t in library() if t.slug in known}
    return [Check("worst-case", slug, expected, found[slug]) for slug, expected in known.items()]


def _exact(map: Map, step: Fraction, start: Fraction, steps: int) -> Fraction:
    arithmetic, state = Rational(), {"w": Coordinates([start])}
    for _ in range(steps):
        state = map.step(arithmetic, state, {"eta": step})
    return Fraction(state["w"][0])


def _fmpq(a: Fraction) -> fmpq:
    return fmpq(a.numerator, a.denominator)


#: The self-tests by engine; a further engine adds its own.
SELF_TESTS: dict[str, Callable[[], list[Check]]] = {
    "symbolic": _prover("symbolic", "step", "step with a wrong factor", "ascent", "ascent with a wrong sign"),
    "smt": _prover(
        "smt", "contraction", "contraction beyond its range", "threshold", "threshold of another rule", "cycle",
        "cycle with a wrong multiplier",
    ),
    "search": _search,
    "ball": _ball,
    "cvc5": _cvc5,
    "formal": _formal,
    "worst-case": _worst_case,
}  # fmt: skip

#: What tells whether an engine on request can run at all.
_AVAILABLE: dict[str, Callable[[], bool]] = {
    "cvc5": _second.available,
    "formal": lambda: coqc_path() is not None,
    "worst-case": available,
}


def self_test(engines: Sequence[str] | None = None) -> list[Check]:
    """Ask engines about statements whose truth is known.

    Parameters
    ----------
    engines : sequence of str, optional
        All that have a self-test by default.

    Returns
    -------
    list of Check
        One for each engine and statement; an engine works if all of its checks ``passed``.

    Raises
    ------
    InputError
        For an engine without a self-test.
    """
    for name in engines or ():
        if name not in SELF_TESTS:
            raise InputError(f"no self-test of an engine '{name}'; {nearest(name, SELF_TESTS)}")
    found = []
    for name, run in SELF_TESTS.items():
        if engines is not None and name not in engines:
            continue
        if _AVAILABLE.get(name, lambda: True)():
            found += run()
        elif engines is not None:
            found.append(Check(name, "the engine runs here", "yes", "not-run: it is not installed"))
    return found
