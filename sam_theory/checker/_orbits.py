"""Goals about points of a map in coordinates: fixed points and cycles with their multipliers, maps of one variable."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from sam_theory.checker._goals import Goal, coordinate_scene, fixed, inputs_of, relate
from sam_theory.checker._loss import derivative, without_extrema
from sam_theory.checker._polynomials import vanishes
from sam_theory.checker._rejected import Rejected
from sam_theory.checker._space import NotChecked

__all__ = ["branches", "continuous", "cycle", "margin", "scalar_map", "threshold", "whole"]

_ALGEBRAIC = (sp.Abs, sp.sign)


def _scenes(theorem: Any) -> Callable[..., Any]:
    values, _ = next(inputs_of(theorem))
    return lambda at=None: coordinate_scene(theorem, values, at)


def whole(scene: Any, suffix: str) -> list[Any]:
    """The coordinates of the whole state."""
    return [c for n in ("w", *scene.theorem.rule.state[1:]) for c in scene.space.entries(scene.vectors[n + suffix])]


def branches(build: Callable[..., Any], point: Sequence[Any]) -> tuple[list[Any], sp.Matrix, list[Any]]:
    """The image of ``point`` (further state vectors 0), the Jacobian, and the relations that make it one.

    Where the argument of a sign vanishes at the point, both sides of the kink must agree with the image and
    have one derivative; the other arguments must not vanish, and none may where a kink lies inside a kink.
    ``build`` gives the scene at a point, or at symbols.
    """
    scene = build()
    step = [without_extrema(e) for e in whole(scene, "_next")]
    names = whole(scene, "")
    if any(e.has(sp.Piecewise) for e in step):
        raise NotChecked("the derivative of a piecewise step is not checked here")
    at = dict(zip(names, [*point, *(sp.S.Zero for _ in range(len(names) - len(point)))], strict=True))
    there = build([sp.sympify(c) for c in point])
    image = whole(there, "_next")
    kinks = sorted({a.args[0] for e in step for a in e.atoms(*_ALGEBRAIC)}, key=sp.default_sort_key)
    meeting = [f for f in kinks if vanishes(f.subs(at, simultaneous=True))]
    needs = [relate(f.subs(at, simultaneous=True), "!=", sp.S.Zero) for f in kinks if f not in meeting]
    needs += [relate(e, "!=", sp.S.Zero) for e in there.space.divided]
    jacobian: sp.Matrix | None = None
    for choice in itertools.product((1, -1), repeat=len(meeting)):
        swap: dict[Any, Any] = {}
        for f, s in zip(meeting, choice, strict=True):
            swap |= {sp.sign(f): sp.Integer(s), sp.Abs(f): s * f}
        side = [e.xreplace(swap) for e in step]
        rows = [[derivative(e, x, nested=not meeting).subs(at, simultaneous=True) for x in names] for e in side]
        matrix = sp.Matrix(rows)
        if meeting:
            needs += [relate(e.subs(at, simultaneous=True), "==", b) for e, b in zip(side, image, strict=True)]
        if matrix.has(sp.nan, sp.zoo, sp.oo):
            raise Rejected("the map has no derivative at the point")
        if jacobian is None:
            jacobian = matrix
        else:
            needs += [relate(a, "==", b) for a, b in zip(matrix, jacobian, strict=True)]
    assert jacobian is not None
    return image, jacobian, [r for r in needs if r.free_symbols or r.doit() != sp.true]


def margin(matrix: sp.Matrix, direction: int | None) -> Any:
    """Positive where every multiplier has modulus below 1, negative where one has above."""
    size = matrix.rows

    def zero(cells: Any) -> bool:
        return all(vanishes(matrix[i, j]) for i, j in cells)

    if direction is not None:
        if not zero((j, direction) for j in range(size) if j != direction):
            raise Rejected(f"e_{direction + 1} is no eigenvector of the Jacobian")
        return 1 - matrix[direction, direction] ** 2
    cells = [(i, j) for i in range(size) for j in range(size)]
    if zero(c for c in cells if c[0] < c[1]) or zero(c for c in cells if c[0] > c[1]):
        return sp.Min(*(1 - matrix[i, i] ** 2 for i in range(size)))
    if size > 2:
        raise NotChecked(f"the Jacobian couples {size} coordinates")
    trace, determinant = matrix.trace(), matrix.det()
    return sp.Min(1 - determinant, 1 - trace + determinant, 1 + trace + determinant)


def threshold(theorem: Any, claim: Any) -> list[Goal]:
    """A fixed point, differentiable, stable below, unstable above and neutral at the threshold."""
    base, point = list(theorem.all_hypotheses), claim.behaviour.at
    if len(point) != theorem.loss.dimension:
        raise Rejected("the fixed point has not the dimension of the loss")
    image, jacobian, needs = branches(_scenes(theorem), point)
    full = [*point, *(sp.S.Zero for _ in range(len(image) - len(point)))]
    stable = margin(jacobian, claim.behaviour.direction)
    needs += [relate(a, "==", sp.sympify(b)) for a, b in zip(image, full, strict=True)]
    goals = [fixed("fixed point", r, base) for r in needs]
    for name, op in (("stable below", "<"), ("unstable above", ">"), ("neutral at the threshold", "==")):
        side = relate(claim.quantity, op, claim.critical)
        goals.append(fixed(name, relate(stable, {"<": ">", ">": "<", "==": "=="}[op], sp.S.Zero), [*base, side]))
    return goals


def cycle(theorem: Any, claim: Any) -> list[Goal]:
    """Each point is followed by the next, all differ, and the multipliers are the claimed ones."""
    base, points = list(theorem.all_hypotheses), claim.points
    size = len(points[0])
    if len(theorem.rule.state) > 1 or any(len(p) != theorem.loss.dimension for p in points):
        raise Rejected("the points of the cycle are not the state of the rule")
    exists = base if claim.exists_iff is None else [*base, claim.exists_iff]
    needs: list[Any] = []
    product = sp.eye(size)
    for k, point in enumerate(points):
        if claim.multipliers or claim.stable is not None:
            image, jacobian, own = branches(_scenes(theorem), point)
            needs += own
            product = jacobian * product
        else:
            scene = _scenes(theorem)([sp.sympify(c) for c in point])
            image = whole(scene, "_next")
            needs += [relate(e, "!=", sp.S.Zero) for e in scene.space.divided]
        needs += [relate(a, "==", sp.sympify(b)) for a, b in zip(image, points[(k + 1) % len(points)], strict=True)]
    for p, q in itertools.combinations(points, 2):
        needs.append(relate(sp.Add(*((a - b) ** 2 for a, b in zip(p, q, strict=True))), ">", sp.S.Zero))
    for i, m in enumerate(claim.multipliers):
        along = sp.Matrix(claim.direction(i))
        needs += [relate(a, "==", sp.sympify(b)) for a, b in zip(product * along, m * along, strict=True)]
    if claim.stable is not None:
        whole_spectrum = len(claim.multipliers) == size  # the goals above say that the claimed ones are all
        stable = sp.Min(*(1 - m**2 for m in claim.multipliers)) if whole_spectrum else margin(product, None)
        needs.append(relate(stable, ">" if claim.stable else "<", sp.S.Zero))
    goals = [fixed("cycle", r, exists) for r in needs]
    if claim.exists_iff is not None:
        goals.append(_no_cycle(theorem, len(points), [*base, claim.exists_iff.negated]))
    return goals


def _no_cycle(theorem: Any, period: int, known: list[Any]) -> Goal:
    """Where the cycle is said not to exist, no point returns after two steps without being fixed."""
    if period != 2:
        raise NotChecked("existence is checked for cycles of two points")
    build = _scenes(theorem)
    scene = build()
    u, v = whole(scene, ""), whole(scene, "_next")
    names = [sp.Symbol(f"image!{i}", real=True) for i in range(len(v))]
    returned = build(names)
    back = whole(returned, "_next")
    closing = [relate(a, "==", b) for a, b in (*zip(names, v, strict=True), *zip(u, back, strict=True))]
    moved = sp.Add(*((a - n) ** 2 for a, n in zip(u, names, strict=True)))
    return fixed(
        "no cycle otherwise",
        relate(moved, "==", sp.S.Zero),
        [*known, *closing],
        [*scene.space.divided, *returned.space.divided],
    )


def scalar_map(theorem: Any, lemma: Any) -> list[Goal]:
    """A map of one variable that is odd and continuous off 0, and an observable continuous at the target."""
    if theorem.loss.dimension != 1 or len(theorem.rule.state) > 1:
        raise Rejected(f"the lemma '{lemma.name}' needs a map of one variable")
    base = list(theorem.all_hypotheses)
    build = _scenes(theorem)
    scene = build()
    (u,), (step,) = whole(scene, ""), whole(scene, "_next")
    opposite = build([-u])
    (mirrored,) = whole(opposite, "_next")
    (resting,) = whole(build([sp.S.Zero]), "_next")
    off = [*base, relate(u, ">", sp.S.Zero)]
    goals = [
        fixed("the map is odd", relate(mirrored, "==", -step), off, [*scene.space.divided, *opposite.space.divided])
    ]
    goals += [fixed("the map fixes 0", relate(resting, "==", sp.S.Zero), base)]
    goals += continuous(step, off, "the map is continuous off 0")
    for r in (lemma.target, -lemma.target):
        known = [*base, relate(u, "==", r)]
        goals += continuous(scene(theorem.expanded_claim.observable), known, "the observable is continuous there")
    return goals


def continuous(e: Any, known: list[Any], name: str) -> list[Goal]:
    """What must not vanish for ``e`` to be continuous where ``known`` holds."""
    e = without_extrema(e)
    unknown = any(not isinstance(f, _ALGEBRAIC) for f in e.atoms(sp.Function, sp.Piecewise))
    if unknown or any(not p.exp.is_Rational for p in e.atoms(sp.Pow)):
        raise NotChecked(f"whether {e} is continuous is not checked here")
    places = {s.args[0] for s in e.atoms(sp.sign)} | {
        p.base for p in e.atoms(sp.Pow) if p.exp.could_extract_minus_sign()
    }
    wanted = sorted((f for f in places if f.free_symbols), key=sp.default_sort_key)
    return [fixed(name, relate(f, "!=", sp.S.Zero), known) for f in wanted]
