"""cvc5 as a second opinion: it confirms contradictions, and says so where it is missing or gives up."""

from __future__ import annotations

import pytest
import sympy as sp

from sam_theory.engines import ENGINES, _second, budget_of
from sam_theory.engines._goal import Goal
from sam_theory.engines._prove import second_opinion
from sam_theory.engines._registry import ON_REQUEST, check_engines
from sam_theory.engines._run import _rng
from sam_theory.theorems import library

x, y = sp.symbols("x y", real=True)
GOAL = Goal("goal", (x > 0, y > 0), sp.Gt(x + y, 0))


def test_missing_solver_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_second, "available", lambda: False)
    found = second_opinion(library()[0], budget_of("quick"), _rng(0, "x"))
    assert found.verdict == "not-run" and "cvc5" in found.detail


def test_it_runs_on_request_or_within_the_full_budget() -> None:
    assert set(ON_REQUEST) <= set(ENGINES)
    assert "cvc5" not in check_engines(None) and "cvc5" in check_engines(None, full=True)
    assert check_engines(["search", "cvc5"]) == ("cvc5", "search")


def test_contradictions_are_confirmed() -> None:
    pytest.importorskip("cvc5")
    assert _second.close(GOAL, 4_000_000).status == "proved"
    assert _second.decide(_second.script([x > 0, x * y > 1, y < 0]), 4_000_000) == "unsat"
    assert _second.decide(_second.script([x > 0, y > 1]), 4_000_000) != "unsat"


def test_disagreement_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_second, "decide", lambda text, rlimit: "sat")
    answer = _second.close(GOAL, 4_000_000)
    assert answer.status == "unknown" and "sat" in answer.detail


def test_integers_are_no_truth_values() -> None:
    assert "(assert (< 0 x0))" in _second.script([sp.Lt(0, x, evaluate=False)])
    assert "(assert false)" in _second.script([sp.false])
