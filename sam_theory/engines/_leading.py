"""What the exact methods know of the leading term of an asymptotic claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp
from sympy.logic.boolalg import BooleanAtom

from sam_theory.arithmetic import Coordinates, Expansion, NotExact, Series, Undecided, lower
from sam_theory.arithmetic._factor import factored
from sam_theory.engines._goal import Goal, nonzero
from sam_theory.engines._smt import close
from sam_theory.theorems import Theorem

RLIMIT = 4_000_000
#: What keeps a formula from being seen to be smooth, besides roots and denominators that vanish.
NOT_SMOOTH = (sp.sign, sp.Abs, sp.Piecewise, sp.Min, sp.Max, sp.Heaviside, sp.log, sp.tan)


@dataclass(frozen=True)
class Scale:
    """The small parameter as a rational function ``step`` of ``root``; the quantity up to ``root``^``order`` of it."""

    small: sp.Symbol
    root: sp.Symbol
    step: sp.Expr
    quantity: sp.Expr
    order: int


@dataclass(frozen=True)
class Leading:
    """``term`` (1 + O(small^order)); ``then``: the coefficient of small^order in the bracket, where it is known.

    An infinite order: the quantity is ``term`` exactly where ``small`` is small enough.  With a ``scale`` further terms
    are known, in the root that it names.
    """

    term: sp.Expr
    order: Any
    method: str
    lemmas: tuple[str, ...] = ()
    then: sp.Expr | None = None
    scale: Scale | None = None


class Unknown(Exception):
    """The method does not apply, or a premise is not proved; the text says why."""


def holds(name: str, theorem: Theorem, relation: Any, *further: Any) -> bool:
    """Whether the hypotheses imply a relation."""
    if relation is sp.true:
        return True
    if relation is sp.false:
        return False
    return close(Goal(name, (*theorem.all_hypotheses, *further), relation), RLIMIT).status == "proved"


def never_vanishes(theorem: Theorem, e: sp.Expr) -> bool:
    """Whether the hypotheses keep a leading coefficient from vanishing: else nothing is relative to it."""
    bases = (f.as_base_exp()[0] for f in sp.Mul.make_args(factored(e)))
    return all(b.is_nonzero or holds("the leading term does not vanish", theorem, nonzero(b)) for b in bases)


def untied(theorem: Theorem, small: sp.Symbol, defined: bool = False) -> bool:
    """Whether every hypothesis on the small parameter stays true as it tends to 0, the others being fixed.

    Such a hypothesis is a relation that the other hypotheses imply strictly at 0, or says that the parameter is not 0.
    With ``defined`` a hypothesis ``symbol = formula`` only names the formula, which may vary with the small parameter.
    """
    meaning = {s: f for s, f in equated(theorem).items() if f.has(small)} if defined else {}
    if small in meaning or any(f.free_symbols & set(meaning) for f in meaning.values()):
        return False
    names = {sp.Eq(s, f) for s, f in meaning.items()}
    every = [h.subs(meaning) for h in theorem.all_hypotheses if h not in names]
    ours = [h for h in every if small in h.free_symbols]
    rest = tuple(h for h in every if h not in ours)
    strict = {sp.LessThan: sp.StrictLessThan, sp.GreaterThan: sp.StrictGreaterThan}

    def stays(h: Any) -> bool:
        if isinstance(h, BooleanAtom):
            return bool(h)
        if {h.lhs, h.rhs} == {small, sp.S.Zero}:
            return bool(h not in (sp.Eq(small, 0), sp.LessThan(small, 0), sp.StrictLessThan(small, 0)))
        relation: Any = strict.get(h.func, h.func)
        if relation not in (sp.StrictGreaterThan, sp.StrictLessThan, sp.Ne):
            return False
        sides = [side.subs(small, 0) for side in h.args]
        if any(side.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for side in sides):
            return False
        limit = relation(*sides)
        return limit is sp.true or (
            limit is not sp.false and close(Goal("limit", rest, limit), RLIMIT).status == "proved"
        )

    return all(stays(h) for h in every if h not in rest or h is sp.false)


def oracle(theorem: Theorem, *further: Any) -> Callable[[sp.Expr], int | None]:
    """The sign that the hypotheses give an expression."""

    @cache
    def sign(e: sp.Expr) -> int | None:
        if any(f.is_Function for f in e.atoms(sp.Function)):
            return None
        for answer, relation in ((1, sp.StrictGreaterThan), (-1, sp.StrictLessThan)):
            if holds("sign of a leading coefficient", theorem, relation(e, 0, evaluate=False), *further):
                return answer
        return None

    return sign


def place(series: Series, point: tuple[sp.Expr, ...], env: dict[str, Any]) -> Coordinates:
    """A point whose coordinates are formulas of the parameters, as series."""
    return Coordinates(series.run(lower(c), env)["result"] for c in point)


def parameters(series: Series, theorem: Theorem) -> dict[str, Expansion]:
    """Every parameter of the statement as a series; one that a hypothesis equates with a formula is this formula."""
    meaning = equated(theorem)
    return {s.name: series.constant(meaning.get(s, s)) for s in theorem.symbols}


def ratio_in(scale: Scale, theorem: Theorem, leading: sp.Expr, enough: sp.Expr) -> sp.Expr:
    """Quantity over ``leading``, up to its first term that is not 1 and of an order below ``enough``, as a formula.

    Raises Unknown where ``leading`` has no series.
    """
    try:
        return _ratio_in(scale, theorem, leading, enough)
    except (Undecided, NotExact) as problem:
        raise Unknown(f"the claimed term has no series: {problem}") from None


def _ratio_in(scale: Scale, theorem: Theorem, leading: sp.Expr, enough: sp.Expr) -> sp.Expr:
    series = Series(scale.root, 2 * scale.order + 4, oracle(theorem))
    env = {**parameters(series, theorem), scale.root.name: series.constant(scale.root)}
    step: Expansion = series.run(lower(scale.step), env)["result"]
    env[scale.small.name] = step
    found: Expansion = series.run(lower(scale.quantity), env)["result"]
    claimed: Expansion = series.run(lower(leading), env)["result"]
    unit = (scale.small / step.leading) ** sp.Rational(1, step.order)
    first, power = sp.simplify(found.leading / claimed.leading), found.order - claimed.order
    if power or first != 1:
        return first * unit**power
    ratio: Expansion = found.over_leading() / claimed.over_leading()
    for k in range(1, scale.order):
        if sp.Rational(k, step.order) < enough and (c := sp.simplify(ratio.coefficient(k))) != 0:
            return 1 + c * unit**k
    return sp.S.One


def one_fixed_map(theorem: Theorem) -> None:
    """Raise Unknown for a rule with noise, a schedule or several state vectors."""
    if len(theorem.map.state) > 1 or theorem.rule.noise or theorem.rule.uses_step_number:
        raise Unknown("the rule has noise, a schedule or several state vectors")


def equated(theorem: Theorem) -> dict[sp.Symbol, sp.Expr]:
    """What hypotheses of the form ``symbol = formula`` say."""
    equations = (h for h in theorem.all_hypotheses if isinstance(h, sp.Eq))
    return {h.lhs: h.rhs for h in equations if h.lhs.is_Symbol and not h.rhs.has(h.lhs)}
