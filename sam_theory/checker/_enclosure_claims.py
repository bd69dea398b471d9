"""Identities, inequalities, thresholds and envelopes on boxes, shown again."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.checker._enclosure_base import Unclear
from sam_theory.checker._enclosure_cover import Box, box_text, entries, read_count, read_leaf, tiles
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._enclosure_orbit import Orbit
from sam_theory.checker._enclosure_setting import Setting
from sam_theory.checker._enclosure_spectrum import exact_calculus, fixed_exactly, multiplier_side
from sam_theory.checker._enclosure_value import PARTS, Slopes, holds, shown_everywhere, value_over
from sam_theory.checker._enclosure_vector import Vector
from sam_theory.checker._rejected import Rejected

__all__ = ["check_envelope", "check_identity", "check_inequality", "check_threshold"]

#: the band around quantity = critical of which a threshold's certificate does not speak
BAND = Fraction(1, 64)
#: steps that the checker follows at most
HORIZON = 100_000


def _leaves(data: Any, box: Box, words: tuple[str, ...]) -> list[tuple[Box, str]]:
    if not isinstance(data, list) or not data:
        raise Rejected("there is no list of boxes")
    found = []
    for i, leaf in enumerate(data):
        sides, word = entries(leaf, ("sides", "shown"), f"box {i + 1}") if words else (leaf, "")
        if words and word not in words:
            raise Rejected(f"box {i + 1} shows {word!r}, which is none of {', '.join(words)}")
        found.append((read_leaf(sides, box, f"box {i + 1}"), word))
    if not tiles(box, [b for b, _ in found]):
        raise Rejected("the boxes do not tile the region")
    return found


def _sides(setting: Setting, k: Calculus, sides: dict[str, Any], box: Box) -> Any:
    """The formulas of a claim on one step."""
    env = setting.parameters(k, sides, box)
    if setting.field is None:
        return setting.formulas(k, env, None)
    w = setting.start(sides)
    after = setting.step(k, w, env) if _uses_next(setting) else None
    return setting.formulas(k, env, w, after, w_start=w)


def _uses_next(setting: Setting) -> bool:
    nodes = (n for e in setting.claim.formulas() for n in sp.preorder_traversal(e))
    return any(type(n).__name__ == "VectorSymbol" and n.name.endswith("_next") for n in nodes)


def check_identity(setting: Setting, box: Box) -> None:
    """lhs − rhs is the zero of the rational functions on the box."""
    k, sides = exact_calculus(box)
    formulas = _sides(setting, k, sides, box)
    claim = setting.claim
    if not k.base.vanishes((formulas.number(claim.lhs) - formulas.number(claim.rhs)).v):
        raise Rejected(f"the two sides differ on {box_text(box)}")


def check_inequality(setting: Setting, box: Box, data: Any) -> None:
    """On each box the relation holds, or a side condition fails; not everywhere the latter."""
    claim = setting.claim
    leaves = _leaves(data, box, ("holds", "outside"))
    if all(word == "outside" for _, word in leaves):
        raise Rejected("the side conditions fail on the whole region: nothing is said")

    def slack(k: Calculus, sides: dict[str, Any]) -> Number:
        formulas = _sides(setting, k, sides, box)
        return formulas.number(claim.rhs) - formulas.number(claim.lhs)

    def relation(part: Box) -> tuple[bool, Slopes]:
        value, slopes = value_over(slack, part)
        return bool(value > 0 or (not claim.strict and value >= 0)), slopes

    def outside(part: Box) -> tuple[bool, Slopes]:
        slopes: Slopes = {}
        for g in claim.given:

            def gap(k: Calculus, sides: dict[str, Any], g: Any = g) -> Number:
                formulas = _sides(setting, k, sides, box)
                return formulas.number(g.lhs) - formulas.number(g.rhs)

            value, slopes = value_over(gap, part)
            if holds(g, value) is False:
                return True, slopes
        return False, slopes

    for part, word in leaves:
        shown_everywhere(relation if word == "holds" else outside, part, f"'{word}'")


def check_threshold(setting: Setting, box: Box, data: Any) -> None:
    """On each box the point is stable and the quantity below, or unstable and above, or it lies in the band."""
    claim, behaviour = setting.claim, setting.claim.behaviour
    at = [sp.sympify(c) for c in behaviour.at]
    leaves = _leaves(data, box, ("stable", "unstable", "band"))
    if all(word == "band" for _, word in leaves):
        raise Rejected("the whole region lies in the band of which nothing is said")

    def complete(k: Calculus, sides: dict[str, Any]) -> dict[str, Any]:
        return setting.parameters(k, sides, box)

    def advance(k: Calculus, point: list[Number], env: dict[str, Any]) -> list[Number]:
        return list(setting.step(k, Vector(point), env))

    fixed_exactly(advance, complete, at, box)

    def ratio(k: Calculus, sides: dict[str, Any]) -> Number:
        formulas = setting.formulas(k, complete(k, sides), None)
        return formulas.number(claim.quantity) / formulas.number(claim.critical)

    def critical(k: Calculus, sides: dict[str, Any]) -> Number:
        return setting.formulas(k, complete(k, sides), None).number(claim.critical)

    def shown(word: str) -> Any:
        def show(part: Box) -> tuple[bool, Slopes]:
            value, slopes = value_over(ratio, part)
            if value_over(critical, part)[0] < 0:
                value = 2 - value  # below a negative critical value the quotient is above 1
            if word == "band":
                return bool(abs(value - 1) * BAND.denominator <= BAND.numerator), slopes
            if not (value < 1 if word == "stable" else value > 1):
                return False, slopes
            wanted = -1 if word == "stable" else 1
            return multiplier_side(advance, complete, at, behaviour.direction, part) == wanted, slopes

        return show

    for part, word in leaves:
        shown_everywhere(shown(word), part, f"'{word}'")


def check_envelope(setting: Setting, box: Box, horizon: Any, data: Any) -> None:
    """Every orbit of every box stays below the bound at each step up to the horizon."""
    last = read_count(horizon, "horizon", HORIZON)
    if last < 1:
        raise Rejected("a horizon of 0 says nothing of trajectories")
    for part, _ in _leaves(data, box, ()):
        shown_everywhere(lambda p: (_below(setting, p, last), {}), part, "the bound", PARTS // 16)


def _below(setting: Setting, part: Box, last: int) -> bool:
    claim, starts = setting.claim, [f"w:{i}" for i in range(setting.dimension)]
    if not _at_start(setting, part):
        return False

    def complete(k: Calculus, sides: dict[str, Any]) -> dict[str, Any]:
        return setting.parameters(k, sides, part)

    def advance(k: Calculus, state: list[Number], env: dict[str, Any]) -> list[Number]:
        return list(setting.step(k, Vector(state), env))

    orbit = Orbit(advance, complete, part, starts)
    begin, centre_begin = Vector(orbit.begin), Vector(orbit.centre_begin)
    uses_next = _uses_next(setting)

    def formula(e: Any) -> tuple[Number, Number]:
        """A formula at this step: over the box, and at its centre."""
        found = []
        for k, state, env, first in (
            (orbit.curved, orbit.state, orbit.env, begin),
            (orbit.plain, orbit.centre, orbit.centre_env, centre_begin),
        ):
            w = Vector(state)
            after = setting.step(k, w, env) if uses_next else None
            found.append(setting.formulas(k, env, w, after, w_start=first, t=k.number(orbit.steps)).number(e))
        return found[0], found[1]

    total = (orbit.curved.number(0), orbit.plain.number(0))
    for _ in range(last):
        if claim.accumulate:
            one = formula(claim.observable)
            total = (total[0] + orbit.chained(one[0]), total[1] + one[1])
        orbit.step()
        seen = total if claim.accumulate else formula(claim.observable)
        bound = formula(claim.bound)
        if not orbit.tight(bound[0] - seen[0], bound[1] - seen[1]) >= 0:
            return False
    return True


def _at_start(setting: Setting, part: Box) -> bool:
    """The claim at step 0, where w is the start; what cancels as a formula is cancelled."""
    claim = setting.claim

    def here(e: Any) -> Any:
        starts = {n for n in sp.preorder_traversal(e) if type(n).__name__ == "VectorSymbol" and n.name == "w_start"}
        e = e.xreplace({n: type(n)("w") for n in starts})
        return e.subs({s: 0 for s in e.free_symbols if s.name == "t"})

    slack = here(claim.bound) if claim.accumulate else here(claim.bound) - here(claim.observable)
    if slack == 0:
        return True

    def evaluate(k: Calculus, sides: dict[str, Any]) -> Number:
        return _sides(setting, k, sides, part).number(slack)

    try:
        return bool(value_over(evaluate, part)[0] >= 0)
    except Unclear:
        return False
