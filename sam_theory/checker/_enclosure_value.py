"""Values over boxes in mean-value form, and a bounded division of boxes until something is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sympy as sp
from flint import arb, ctx

from sam_theory.checker._enclosure_base import Balls, Unclear, exact
from sam_theory.checker._enclosure_cover import Box, ball_of, bisect, box_text, middle
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._enclosure_setting import Setting
from sam_theory.checker._rejected import Rejected

__all__ = ["PRECISION", "Slopes", "check_hypotheses", "holds", "precise", "seeds", "shown_everywhere", "value_over"]

#: bits of every ball; more than the engine uses, so that rounding is never what differs
PRECISION = 96
#: parts into which one box of a certificate may be divided
PARTS = 256

Slopes = dict[str, arb]
Evaluate = Callable[[Calculus, dict[str, Any]], Number]


@contextmanager
def precise() -> Iterator[None]:
    """The precision of the checker, whatever it was before."""
    before = ctx.prec
    ctx.prec = PRECISION
    try:
        yield
    finally:
        ctx.prec = before


def seeds(k: Calculus, box: Box) -> dict[str, Number]:
    """Each side that is no point as an independent variable, numbered in order."""
    found, count = {}, 0
    for n, side in box.items():
        if side[0] == side[1]:
            found[n] = k.number(side[0])
        else:
            found[n] = k.seed(ball_of(side), count)
            count += 1
    return found


def value_over(evaluate: Evaluate, box: Box) -> tuple[arb, Slopes]:
    """A ball with every value over the box, and the slopes; Unclear where a branch is not decided on it."""
    wide = [n for n, (low, high) in box.items() if low < high]
    plain = Calculus(Balls())
    try:
        curved = Calculus(Balls(), lipschitz=True)
        found = evaluate(curved, seeds(curved, box))
    except Unclear:
        return evaluate(plain, {n: plain.constant(ball_of(side)) for n, side in box.items()}).v, {}
    centre = middle(box)
    form = evaluate(plain, {n: plain.number(q) for n, q in centre.items()}).v
    slopes = {n: found.d[j] for j, n in enumerate(wide) if j in found.d}
    for n, a in slopes.items():
        form += a * (ball_of(box[n]) - exact(centre[n]))
    return both(form, found.v), slopes


def both(a: arb, b: arb) -> arb:
    """The intersection of two enclosures of one value."""
    if not (a.is_finite() and b.is_finite()):
        return a if a.is_finite() else b
    if not a.overlaps(b):
        raise ArithmeticError("two enclosures of one value are disjoint: the checker is wrong")
    return min((a, b, a.intersection(b)), key=lambda c: float(c.rad()))


def steepest(box: Box, slopes: Slopes) -> str | None:
    """The side to divide: where the value changes most, or the widest."""
    wide = [n for n, (low, high) in box.items() if low < high]
    if slopes and all(a.is_finite() for a in slopes.values()):
        return max(wide, key=lambda n: float(abs(slopes.get(n, arb(0))).upper()) * float(box[n][1] - box[n][0]))
    return max(wide, key=lambda n: box[n][1] - box[n][0], default=None)


def shown_everywhere(show: Callable[[Box], tuple[bool, Slopes]], box: Box, what: str, parts: int = PARTS) -> None:
    """Show something on the whole box, dividing it where that is needed; Rejected where it does not succeed."""
    queue, count = [box], 0
    while queue:
        part = queue.pop()
        count += 1
        try:
            done, slopes = show(part)
        except Unclear:
            done, slopes = False, {}
        if done:
            continue
        side = steepest(part, slopes)
        if side is None or count >= parts:
            raise Rejected(f"{what} is not shown on {box_text(part)}")
        queue.extend(bisect(part, side))


def holds(relation: Any, gap: arb) -> bool | None:
    """Whether a relation holds for every value of lhs − rhs; False: for none; None: not decided."""
    if isinstance(relation, sp.StrictGreaterThan | sp.GreaterThan):
        strict, gap = isinstance(relation, sp.StrictGreaterThan), -gap
    elif isinstance(relation, sp.StrictLessThan | sp.LessThan):
        strict = isinstance(relation, sp.StrictLessThan)
    elif isinstance(relation, sp.Equality):
        return True if gap == 0 else False if gap > 0 or gap < 0 else None
    elif isinstance(relation, sp.Unequality):
        return True if gap > 0 or gap < 0 else False if gap == 0 else None
    else:
        raise Rejected(f"{relation} is no relation between two numbers")
    if gap < 0 or (not strict and gap <= 0):
        return True
    return False if gap > 0 or (strict and gap >= 0) else None


def check_hypotheses(setting: Setting, box: Box) -> None:
    """Every hypothesis of the statement holds on the whole box, and its member belongs to the class."""
    without = {n: side for n, side in box.items() if not n.startswith("w:")}
    used = {h for _, _, h in setting.solved(without)}
    for h in setting.hypotheses:
        if h in used:
            continue

        def gap(k: Calculus, sides: dict[str, Any], h: Any = h) -> Number:
            formulas = setting.formulas(k, setting.parameters(k, sides, without), None)
            return formulas.number(h.lhs) - formulas.number(h.rhs)

        def show(part: Box, h: Any = h, gap: Evaluate = gap) -> tuple[bool, Slopes]:
            value, slopes = value_over(gap, part)
            return holds(h, value) is True, slopes

        shown_everywhere(show, without, f"the hypothesis {h}")
    _check_member(setting, box)


def _check_member(setting: Setting, box: Box) -> None:
    """The numbers of a member keep the bounds within which every choice belongs to the class."""
    if setting.family is None:
        return
    kinds = setting.family.loss.dimensions or {}
    shift = () if setting.field is None else setting.field.shift
    for n in setting.member_numbers:
        low, high = box[n]
        free = n in shift or n.startswith("m_offset")
        number = str(kinds.get(n)) == "1"
        if n.startswith("m_b") and not free:
            continue
        if not free and (low < 0 or (number and high > 1 and n != "m_sine")):
            raise Rejected(f"{n} in [{low}, {high}] belongs to no member of the class")
    _check_directions(setting, box)


def _check_directions(setting: Setting, box: Box) -> None:
    """Smoothed absolute values: the squares of all directions sum up to at most 1."""
    names = [n for n in setting.member_numbers if n.startswith("m_b")]
    if sum(max(abs(end) for end in box[n]) ** 2 for n in names) > 1:
        raise Rejected("the directions of the smoothed absolute values are too long for the class")
    if "m_sine" in setting.member_numbers:
        raise Rejected("the checker knows no bound for members with sines")
