"""The form ``refutation``: an exact counterexample is followed again, in exact rationals.

A file holds what was chosen (parameters, member, start, …) and what follows from it (observed, bound, …).  The
latter is computed here and must be what the file says: so every number in the file is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from sam_theory.checker._goals import Scene
from sam_theory.checker._instance import LONGEST, Instance, constants_of, number, rational, record, space_of, texts
from sam_theory.checker._orbits import whole
from sam_theory.checker._rejected import Rejected
from sam_theory.checker._space import NotChecked
from sam_theory.theorems import AlmostEvery, Cycle, Envelope, Identity, Inequality, Limit, Threshold

__all__ = ["CHOSEN", "check_refutation", "consequences"]

#: what a refutation chooses; everything else in it is a consequence
CHOSEN = ("params", "member", "data", "start", "step")


def check_refutation(theorem: Any, body: Any) -> str:
    """The counterexample in words.

    Raises Rejected if it is none, NotChecked if it cannot be told.
    """
    if not isinstance(body, dict) or not set(CHOSEN) <= set(body):
        raise Rejected(f"the body of a refutation has at least the keys {', '.join(CHOSEN)}")
    try:
        found = consequences(theorem, {k: body[k] for k in CHOSEN})
    except NotChecked as problem:
        raise Rejected(f"this is no counterexample that can be followed: {problem}") from None
    said = {k: v for k, v in body.items() if k not in CHOSEN}
    if set(said) != set(found):
        raise Rejected(f"a refutation of this kind has also the keys {', '.join(sorted(found))}, and no others")
    for name, value in found.items():
        if value != said[name]:
            raise Rejected(f"'{name}' is {str(value)[:80]}, the file says {str(said[name])[:80]}")
    return f"{found['observed']} {found['relation']} {found['bound']}"


def consequences(theorem: Any, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What follows from the choices, as texts.

    Raises Rejected if they are no counterexample to the theorem.
    """
    if theorem.rule.noise or theorem.rule.uses_step_number or len(theorem.rule.state) > 1:
        raise NotChecked("rules with noise, a schedule or further state vectors are not followed here")
    claim = theorem.expanded_claim
    params = record(chosen["params"], "params")
    if set(params) != {s.name for s in theorem.symbols}:
        raise Rejected(f"the parameters of the statement are {', '.join(s.name for s in theorem.symbols)}")
    values = {n: rational(v) for n, v in params.items()}
    start, step = chosen["start"], chosen["step"]
    if not isinstance(start, list) or not (step is None or (type(step) is int and 0 <= step <= LONGEST)):
        raise Rejected(f"start is a list of rationals, step a number up to {LONGEST} or null")
    place = tuple(map(rational, start))
    probe = Instance(theorem, claim, None, values, place, step)
    nothing = Scene(theorem, None, {})
    for h in theorem.all_hypotheses:
        if not probe.holds(h, nothing):
            raise Rejected(f"the hypothesis {h} does not hold")
    margins = [str(probe.value(h.rhs, nothing) - probe.value(h.lhs, nothing)) for h in theorem.all_hypotheses]
    space, further = space_of(theorem, values, chosen, len(place))
    if place and len(place) != space.dimension:
        raise Rejected(f"the start has {len(place)} coordinates, the loss {space.dimension}")
    instance = Instance(theorem, claim, space, {**values, **constants_of(theorem, values)}, place, step)
    judge = _JUDGES.get(type(claim))
    if judge is None:
        raise NotChecked(f"a counterexample to a claim of kind {claim.kind} is not checked here")
    return {**judge(instance), **further, "margins": margins}


# -- the seven kinds, as far as they are decided here -----------------------------------------------------------------
def _outcome(observed: Any, relation: str, bound: Any, **further: Any) -> dict[str, Any]:
    return {"observed": str(observed), "relation": relation, "bound": str(bound), **further}


def _every_start(instance: Instance) -> None:
    if instance.theorem.starts is not None:
        raise NotChecked("the statement leaves out starts; one point does not refute it")


def _pointwise(instance: Instance) -> dict[str, Any]:
    _every_start(instance)
    claim = instance.claim
    scene = instance.scene(instance.start) if instance.start else Scene(instance.theorem, None, {})
    if instance.step not in (None, 1) or not all(instance.holds(g, scene) for g in claim.given):
        raise Rejected("the start does not satisfy the side conditions of the claim")
    left, right = instance.value(claim.lhs, scene), instance.value(claim.rhs, scene)
    strict = getattr(claim, "strict", False)
    wrong = left != right if isinstance(claim, Identity) else left >= right if strict else left > right
    if not wrong:
        raise Rejected("the claim holds at this point")
    return _outcome(
        left, "≠" if isinstance(claim, Identity) else "≥" if strict else ">", right, orbit=[texts(instance.start)]
    )


def _envelope(instance: Instance) -> dict[str, Any]:
    _every_start(instance)
    claim, at, total = instance.claim, list(instance.start), sp.S.Zero
    if instance.step is None:
        raise Rejected("the step is missing")
    scene, orbit = instance.scene(at), [texts(at)]
    began = scene.vectors["w"]
    for t in range(instance.step + 1):
        left = total if claim.accumulate else instance.value(claim.observable, scene, t)
        right = instance.value(claim.bound, scene, t)
        if left > right or t == instance.step:
            break
        total += instance.value(claim.observable, scene, t) if claim.accumulate else 0
        at = [number(c) for c in whole(scene, "_next")]
        orbit.append(texts(at))
        scene = instance.scene(at, began)
    if not left > right or t < instance.step:
        raise Rejected("the bound holds at this step, or fails before it")
    return _outcome(left, ">", right, orbit=orbit)


def _limit(instance: Instance) -> dict[str, Any]:
    claim, starts = instance.claim, instance.theorem.starts
    if claim.variable is not None or claim.value in (sp.oo, -sp.oo) or instance.step is not None:
        raise NotChecked("only limits along periodic orbits are decided here")
    orbit = [tuple(instance.start)]
    scenes = [instance.scene(orbit[0])]
    while (following := tuple(number(c) for c in whole(scenes[-1], "_next"))) != orbit[0]:
        orbit.append(following)
        scenes.append(instance.scene(following, scenes[0].vectors["w"]))
        if len(orbit) > LONGEST:
            raise Rejected("the orbit does not return to its start")
    if isinstance(starts, AlmostEvery):
        _attracts(instance, orbit)
    elif starts is not None:
        for scene in scenes:
            w = scene.vectors["w"] if starts.event == "w = 0" else instance.space.grad(scene.vectors["w"])
            if not any(number(c) for c in w.terms.values()):
                raise Rejected(f"the orbit meets {starts.event}")
    seen = [instance.value(claim.observable, s) for s in scenes]
    bound = instance.value(claim.value, scenes[0])
    chosen = {"limsup": [max(seen)], "liminf": [min(seen)], "limit": seen}[claim.kind_of_limit]
    for a in chosen:
        if {"==": a != bound, "<=": a > bound, ">=": a < bound}[claim.relation]:
            sign = {"==": "≠", "<=": ">", ">=": "<"}[claim.relation]
            return _outcome(a, sign, bound, orbit=[texts(p) for p in orbit])
    raise Rejected("the claim holds along the orbit")


def _attracts(instance: Instance, orbit: Sequence[Sequence[Any]]) -> None:
    """Starts near the orbit tend to it, and the observable tends to its values there."""
    matrix = instance.multipliers(orbit)
    for _ in range(8):
        if max(sum(abs(c) for c in matrix.row(i)) for i in range(matrix.rows)) < 1:
            break
        matrix = matrix * matrix
    else:
        raise Rejected("the orbit was not shown to attract an open set of starts")
    symbolic = instance.scene()
    e = symbolic(instance.plain(instance.claim.observable))
    for p in orbit:
        at = dict(zip(whole(symbolic, ""), p, strict=True))
        if any(not number(a.args[0].subs(at)) for a in e.atoms(sp.Abs, sp.sign)):
            raise NotChecked("the observable has a kink on the orbit")
        if e.has(sp.Piecewise, sp.Min, sp.Max):
            raise NotChecked("whether the observable is continuous on the orbit is not checked here")


def _radius(matrix: sp.Matrix, direction: int | None) -> Any:
    """The largest modulus of a multiplier, where it can be read off."""
    size = matrix.rows
    if direction is not None:
        if any(matrix[j, direction] for j in range(size) if j != direction):
            raise Rejected(f"e_{direction + 1} is no eigenvector of the Jacobian")
        return abs(matrix[direction, direction])
    if not (matrix.is_upper or matrix.is_lower):
        raise NotChecked("the Jacobian is not triangular")
    return max(abs(matrix[i, i]) for i in range(size))


def _threshold(instance: Instance) -> dict[str, Any]:
    claim, nothing = instance.claim, Scene(instance.theorem, None, {})
    at = [instance.value(sp.sympify(c), nothing) for c in claim.behaviour.at]
    if instance.start or instance.step is not None:
        raise Rejected("the fixed point follows from the parameters: start is [] and step null")
    if [number(c) for c in whole(instance.scene(at), "_next")] != at:
        raise Rejected("the point is not fixed")
    radius = _radius(instance.multipliers([at]), claim.behaviour.direction)
    quantity, critical = instance.value(claim.quantity, nothing), instance.value(claim.critical, nothing)
    wrong = radius >= 1 if quantity < critical else radius < 1 if quantity > critical else radius != 1
    if not wrong:
        raise Rejected("the multiplier is as claimed")
    relation = "<" if radius < 1 else "=" if radius == 1 else ">"
    return _outcome(radius, relation, 1, point=texts(at), quantity=str(quantity), critical=str(critical))


def _cycle(instance: Instance) -> dict[str, Any]:
    claim, nothing = instance.claim, Scene(instance.theorem, None, {})
    if instance.step is not None or (claim.exists_iff is not None and not instance.holds(claim.exists_iff, nothing)):
        raise NotChecked("a cycle where none should be is not checked here")
    points = [[instance.value(sp.sympify(c), nothing) for c in p] for p in claim.points]
    if instance.start:
        raise Rejected("the cycle follows from the parameters: start is []")
    shown = [texts(p) for p in points]
    for p, q in zip(points, [*points[1:], points[0]], strict=True):
        image = [number(c) for c in whole(instance.scene(p), "_next")]
        if image != q:
            return _outcome(texts(image), "≠", texts(q), points=shown)
    matrix = instance.multipliers(points)
    for m in claim.multipliers:
        claimed = instance.value(sp.sympify(m), nothing)
        if (matrix - claimed * sp.eye(matrix.rows)).det() != 0:
            return _outcome(texts(matrix), "has not the eigenvalue", claimed, points=shown)
    radius = _radius(matrix, None)
    if claim.stable is None or claim.stable == (radius < 1) or (radius == 1 and not claim.stable):
        raise Rejected("the cycle is as claimed")
    return _outcome(radius, "<" if radius < 1 else "≥", 1, points=shown)


_JUDGES: dict[type, Callable[[Instance], dict[str, Any]]] = {
    Identity: _pointwise,
    Inequality: _pointwise,
    Envelope: _envelope,
    Limit: _limit,
    Threshold: _threshold,
    Cycle: _cycle,
}
