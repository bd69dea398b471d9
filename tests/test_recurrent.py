"""Orbits that recur whatever the step number refute limits under schedules, and no others do."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from sam_theory import Limit, OrbitsAvoiding, Quadratic, Source, Theorem, eta, lam, norm, rho, rule, t, w
from sam_theory.arithmetic import CURVATURE
from sam_theory.engines._search import confirm_at
from sam_theory.rules import Rule, scheduled_sam
from sam_theory.theorems import Instance

fading = scheduled_sam.fix(eta_decay=0, rho_decay=1)
at_zero = Instance({"eta": 1, "lam": 1, "rho": 1}, (0,))
flipping = Instance({"eta": 2, "lam": 1, "rho": 0}, (1,))


def limit(claim: Limit, of: Rule = fading, **more: Any) -> Theorem:
    return Theorem("limit", "", Source("test", "a test"), of, Quadratic(lam), claim, **more)


@rule(dimensions={"eta": 1 / CURVATURE})
def back_at_six(space: Any, w: Any, *, eta: Any, k: Any) -> Any:
    """The same step for k = 0 and k = 6 alone."""
    return w - eta * (2 + k * (k - 6)) * space.grad(w)


def test_a_zero_of_the_gradient_is_kept_at_every_step() -> None:
    found = confirm_at(limit(Limit(norm(w), eta * lam * rho, "limsup", ">=")), at_zero)
    assert found is not None and (found.observed, found.bound, found.extra["orbit"]) == ("0", "1", "0")


def test_a_cycle_that_the_schedule_does_not_move_recurs() -> None:
    found = confirm_at(limit(Limit(norm(w), sp.S.Zero)), flipping)
    assert found is not None and found.extra["orbit"] == "1 -> -1" and found.observed == "1"


@pytest.mark.parametrize("start", [1, sp.Rational(1, 2)])
def test_an_orbit_that_the_schedule_moves_is_no_witness(start: Any) -> None:
    moved = Instance({"eta": 1, "lam": 1, "rho": 1}, (start,))
    assert confirm_at(limit(Limit(norm(w), 5 * rho)), moved) is None


def test_two_equal_steps_do_not_make_a_schedule_constant() -> None:
    to_zero = limit(Limit(norm(w), sp.S.Zero), back_at_six)
    assert confirm_at(to_zero, Instance({"eta": 1, "lam": 1}, (1,))) is None


def test_an_observable_that_changes_with_time_has_no_value_on_the_orbit() -> None:
    assert confirm_at(limit(Limit((t + 1) * norm(w), sp.S.Zero)), flipping) is None
    found = confirm_at(limit(Limit(sp.Abs((t + 1) * norm(w) - rho), sp.S.Zero)), at_zero)
    assert found is not None and found.observed == "1"


def test_orbits_that_the_statement_leaves_out_refute_nothing() -> None:
    claim = Limit(norm(w), eta * lam * rho, "limsup", ">=")
    assert confirm_at(limit(claim, starts=OrbitsAvoiding("zero gradient")), at_zero) is None
    assert confirm_at(limit(Limit(norm(w), sp.S.Zero), starts=OrbitsAvoiding("w = 0")), flipping) is not None
