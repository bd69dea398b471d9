"""What the lemma *strict saddles* asks of a map in coordinates, besides its inequalities on the potential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import sympy as sp

from sam_theory.checker._goals import Goal, Statement, coordinate_scene, fixed, inputs_of, relate
from sam_theory.checker._orbits import branches, continuous, margin, whole
from sam_theory.checker._rejected import Rejected
from sam_theory.checker._space import Fork, NotChecked

__all__ = ["strict_saddles"]

#: functions that are real analytic on the whole line
_ENTIRE = (sp.exp, sp.sin, sp.cos, sp.atan, sp.sinh, sp.cosh, sp.tanh)


def strict_saddles(theorem: Any, lemma: Any) -> list[Goal]:
    """The map is analytic off 0 (and odd), its fixed points are the listed ones, the saddles are unstable, the
    Jacobian is regular at a probe, the potential is continuous, and so is the observable at the attractors."""
    size = theorem.loss.dimension
    if theorem.loss.abstract or size is None or size < 2 or len(theorem.rule.state) > 1:
        raise Rejected(f"the lemma '{lemma.name}' needs a map of two or more coordinates")
    if lemma.sign not in (1, -1) or any(len(p) != size for p in _points(lemma)):
        raise Rejected(f"the lemma '{lemma.name}' has another sign than 1 and -1, or a point of another dimension")
    base = list(theorem.all_hypotheses)
    values, _ = next(inputs_of(theorem))

    def build(at: Any = None) -> Any:
        return coordinate_scene(theorem, values, at)

    here = build()
    divided = list(here.space.divided)
    u, image = whole(here, ""), whole(here, "_next")
    off = [*base, relate(sp.Add(*(x**2 for x in u)), ">", sp.S.Zero)]
    goals = [fixed("the map is analytic off 0", r, off) for r in _analytic([*image, *divided])]
    goals.append(fixed("the map exists off 0", relate(sp.S.Zero, "==", sp.S.Zero), off, divided))
    if lemma.sign < 0:
        mirrored = build([-x for x in u])
        below = [*divided, *mirrored.space.divided]
        pairs = zip(whole(mirrored, "_next"), image, strict=True)
        goals += [fixed("the map is odd", relate(a, "==", -b), off, below) for a, b in pairs]
    goals += continuous(here(lemma.potential), base, "the potential is continuous")
    goals += _fixed_points(lemma, u, image, off)
    for p, direction in lemma.saddles:
        if type(direction) is not int or not 0 <= direction < size:
            raise Rejected(f"a saddle has no direction {direction}")
        _, jacobian, needs = branches(build, p)
        unstable = relate(margin(jacobian, direction), "<", sp.S.Zero)
        goals += [fixed(f"({', '.join(map(str, p))}) is unstable", r, base) for r in (*needs, unstable)]
    total: Any = sp.S.Zero
    for p in lemma.probes:
        _, jacobian, needs = branches(build, p)
        goals += [fixed("the Jacobian exists at a probe", r, base) for r in needs]
        total += jacobian.det() ** 2
    goals.append(fixed("the Jacobian is regular somewhere", relate(total, ">", sp.S.Zero), base))
    observable = here(theorem.expanded_claim.observable)
    for p in lemma.attractors:
        for sign in dict.fromkeys((1, lemma.sign)):
            there = [*base, *(relate(x, "==", sign * sp.sympify(c)) for x, c in zip(u, p, strict=True))]
            goals += continuous(observable, there, "the observable is continuous at an attractor")
    return goals


def _points(lemma: Any) -> list[Any]:
    return [*lemma.attractors, *(p for p, _ in lemma.saddles), *lemma.probes]


def _analytic(formulas: Sequence[Any]) -> Iterator[Any]:
    """Relations under which the formulas are real analytic; a node that is not known to be is not checked."""
    seen: dict[Any, None] = {}
    todo = list(formulas)
    while todo:
        e = todo.pop()
        if e in seen:
            continue
        seen[e] = None
        todo += e.args
        if e.is_Symbol or e.is_Rational or e.is_Add or e.is_Mul or isinstance(e, _ENTIRE):
            continue
        if not (e.is_Pow and e.exp.is_Rational):
            raise NotChecked(f"{e} is not known to be analytic")
        if e.exp.q > 1 and e.base.free_symbols:
            yield relate(e.base, ">", sp.S.Zero)
        elif e.exp < 0 and e.base.free_symbols:
            yield relate(e.base, "!=", sp.S.Zero)


def _fixed_points(lemma: Any, u: Sequence[Any], image: Sequence[Any], off: Sequence[Any]) -> list[Goal]:
    """A fixed point of σF off 0 that differs from all listed points but the last is the last."""
    still = [*off, *(relate(lemma.sign * a, "==", b) for a, b in zip(image, u, strict=True))]
    *others, last = [*lemma.attractors, *(p for p, _ in lemma.saddles)] or [None]
    name = "every other fixed point is listed"

    def known(choices: Mapping[Any, str]) -> list[Any]:
        differing = []
        for j, p in enumerate(others):
            place = choices.get(("differs", j))
            if place is None:
                raise Fork(("differs", j), tuple(map(str, range(len(u)))))
            differing.append(relate(u[int(place)], "!=", sp.sympify(p[int(place)])))
        return [*still, *differing]

    def stated(aim: Any, choices: Mapping[Any, str]) -> Statement:
        return Statement(aim, known(choices))

    if last is None:
        aims = [relate(sp.S.One, "<=", sp.S.Zero)]
    else:
        aims = [relate(x, "==", sp.sympify(c)) for x, c in zip(u, last, strict=True)]
    return [Goal(name, partial(stated, aim)) for aim in aims]
