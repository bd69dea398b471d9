"""Where algebra finds no closed form: a certified interval, by bisection in exact rationals."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from sam_theory.engines._budget import Budget
from sam_theory.engines._synthesize._answer import Synthesis
from sam_theory.engines._synthesize._candidates import sample_points
from sam_theory.engines._synthesize._conditions import Condition
from sam_theory.engines._synthesize._evidence import fails_at, proof_of
from sam_theory.engines._synthesize._question import Question, rational

_DOUBLINGS = 20
_WIDTH = Fraction(1, 10**6)


def bisect(
    question: Question, conditions: list[Condition], budget: Budget, answer: Callable[..., Synthesis]
) -> Synthesis:
    """The interval between the last proved and the first refuted value; undecided ones in between are said."""
    open_parameters = [s for s in question.theorem.symbols if s != question.unknown and s not in question.at]
    missing = [s.name for s in open_parameters]
    if not question.unknown.is_positive and not question.unknown.is_nonnegative:
        return answer("undecided", reason=f"{question.unknown} may be negative: no interval is searched")
    points = sample_points(question, 1)
    if not points:
        return answer("undecided", reason="no values of the other parameters satisfy the hypotheses")

    def holds(x: Fraction) -> bool:
        return proof_of(question.restricted(question.within(rational(x))), budget) is not None

    state: dict[str, Any] = {}

    def fails(x: Fraction) -> bool:
        for point in points:
            witness = fails_at(question, conditions, x, point, budget)
            if witness is not None:
                state["witness"], state["witness_at"] = witness, x
                return True
        return False

    good, bad = _bracket(question, holds, fails)
    if good is None or bad is None:
        what = "no value was proved" if good is None else f"proved up to {good}; no value was refuted"
        hint = f"; fix parameters, such as --at {missing[0]}=1" if missing else ""
        return answer("undecided", reason=f"{what}{hint}", **state)
    middle = ""
    while abs(bad - good) > _WIDTH * max(abs(bad), abs(good)):
        x = (good + bad) / 2
        if holds(x):
            good = x
        elif fails(x):
            bad = x
        else:
            middle = f"at {x} it was neither proved nor refuted"
            break
    lower, upper = (good, bad) if question.largest else (bad, good)
    return answer(
        "interval", lower=lower, upper=upper, holds=f"proved by bisection up to {good}",
        fails=f"a witness at {bad}", reason=middle, trust_base=("SymPy", "z3"), **state,
    )  # fmt: skip


def _bracket(
    question: Question, holds: Callable[[Fraction], bool], fails: Callable[[Fraction], bool]
) -> tuple[Fraction | None, Fraction | None]:
    """A value that is proved and one that is refuted, a factor of two or so apart where they can be had."""
    good: Fraction | None = None
    bad: Fraction | None = None
    towards_good = Fraction(1, 2) if question.largest else Fraction(2)
    x = Fraction(1)
    if holds(x):
        good = x
    for _ in range(_DOUBLINGS):
        if good is None:
            if bad is None and fails(x):
                bad = x
            x *= towards_good
            if holds(x):
                good = x
            elif fails(x):
                bad = x
        elif bad is None:
            x /= towards_good
            if fails(x):
                bad = x
            elif holds(x):
                good = x
        else:
            break
    return good, bad
