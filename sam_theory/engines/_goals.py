"""From a step of a proof to goals: relations between scalars that an engine can close.

A goal holds for every dimension and every member of a class where it was obtained in Gram form, and for every
state in coordinates otherwise.  Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, Gram, Span, Symbolic, Vec, lower
from sam_theory.errors import InputError
from sam_theory.losses import FunctionClass, cauchy_schwarz
from sam_theory.theorems import (
    AtPoint,
    Claim,
    Cycle,
    DistanceDecreases,
    Identity,
    Inequality,
    Lemma,
    Step,
    Theorem,
    Threshold,
    t,
)


@dataclass(frozen=True)
class Goal:
    """``goal`` is to follow from ``assumptions`` and ``facts``; ``trust`` names the lemmas behind the facts."""

    name: str
    assumptions: tuple[Any, ...]
    goal: Any
    facts: tuple[Any, ...] = ()
    trust: tuple[str, ...] = ()
    #: a case that may be empty (a vanishing gradient that the claim excludes)
    special_case: bool = False


def goals_of(theorem: Theorem) -> list[Goal]:
    """All goals whose closing proves the theorem; none where it has no proof.

    Raises InputError if the proof does not fit the claim, or names a fact that does not exist.
    """
    claim = theorem.expanded_claim
    if not theorem.proof:
        direct = isinstance(claim, (Identity, Inequality, Threshold, Cycle))
        return _encode(theorem, Step("claim", claim), {}) if direct else []
    steps: dict[str, Step] = {}
    result: list[Goal] = []
    for item in theorem.proof:
        if isinstance(item, Lemma) and item.excludes_starts() and theorem.starts is None:
            raise InputError(
                f"theorem {theorem.slug}: the lemma '{item.name}' excludes some starts; "
                "name them in starts=AlmostEvery(...)"
            )
        if isinstance(item, DistanceDecreases):
            result += _scalar_map_goals(theorem)
        for step in item.premises(claim) if isinstance(item, Lemma) else (item,):
            expanded = replace(step, claim=step.claim.map(theorem.expand))
            result += _encode(theorem, expanded, steps)
            steps[step.name] = expanded
    _check_conclusion(theorem, claim)
    return result


def trusted_lemmas(theorem: Theorem) -> tuple[str, ...]:
    """Names of the lemmas that conclude the theorem from its closed goals."""
    return tuple(item.name for item in theorem.proof if isinstance(item, Lemma))


def _check_conclusion(theorem: Theorem, claim: Claim) -> None:
    last = theorem.proof[-1]
    if isinstance(last, Step) and last.claim.map(theorem.expand) != claim:
        raise InputError(
            f"theorem {theorem.slug}: the last step proves '{last.claim.text()}', not the claim '{claim.text()}'"
        )


def _encode(theorem: Theorem, step: Step, steps: Mapping[str, Step]) -> list[Goal]:
    claim = step.claim
    if isinstance(claim, Threshold):
        return _threshold(theorem, step)
    if isinstance(claim, Cycle):
        return _cycle(theorem, step)
    if not isinstance(claim, (Identity, Inequality, AtPoint)):
        raise InputError(
            f"theorem {theorem.slug}: the step '{step.name}' is a {claim.kind}, which needs a lemma on trajectories; "
            "steps are identities, inequalities, thresholds and cycles"
        )
    if theorem.loss.abstract or theorem.loss.dimension is None:
        return _abstract(theorem, step, steps)
    return [_concrete(theorem, step)]


# -- every dimension, every member: Gram form -----------------------------------------------------------------
def _abstract(theorem: Theorem, step: Step, steps: Mapping[str, Step]) -> list[Goal]:
    scout = _Scene(theorem, ())
    scout.relation(step.claim)
    cases: list[tuple[str, ...]] = [(), *((label,) for label in scout.gram.units)]
    if theorem.loss.blocks and scout.gram.nonzero:
        cases.append(theorem.loss.blocks)
    result = []
    for vanishing in cases:
        scene = _Scene(theorem, vanishing)
        goal, given = scene.relation(step.claim)
        if vanishing and not step.using and not _mentions_vectors(step.claim):
            continue
        facts = scene.facts(step.using, steps, strict=not vanishing)
        positive = [sp.StrictGreaterThan(scene.gram.length(u), 0) for u in scene.gram.units]
        positive += [
            sp.Ne(n, 0, evaluate=False) for n in scene.gram.nonzero if not n.is_Symbol and not scene.is_value(n)
        ]
        name = step.name + "".join(f", {v} = 0" for v in vanishing)
        assumptions = (*theorem.all_hypotheses, *positive, *scene.nonnegative(), *given)
        result.append(
            Goal(
                name,
                scene.scalars(assumptions),
                scene.scalars(goal),
                scene.scalars(tuple(facts.values())),
                tuple(dict.fromkeys(n.split(":")[0] for n in facts if not n.startswith("step:"))),
                special_case=bool(vanishing),
            )
        )
    return result


def _mentions_vectors(claim: Claim) -> bool:
    return any(e.has(Vec) for e in claim.formulas())


class _Scene:
    """One step of the map in Gram form, and the formulas of a claim in it."""

    def __init__(self, theorem: Theorem, vanishing: Sequence[str]) -> None:
        self.theorem = theorem
        self.gram = gram = Gram(vanishing)
        loss = theorem.loss
        if loss.abstract:
            gram.minimiser("w_star")
            state: Any = gram.vector("w")
        elif loss.blocks:
            state = Coordinates(gram.vector(n) for n in loss.blocks)
        else:
            state = gram.vector("w")
        self.env: dict[str, Any] = {s.name: s for s in theorem.symbols}
        self.env |= {"w": state, "w_star": Span({}), "t": t}
        first, *further = theorem.map.state
        whole = {first: state, **{n: gram.vector(n) for n in further}}
        image = theorem.map.step(gram, whole, self.env)
        self.env |= {n: whole[n] for n in further} | {f"{n}_next": image[n] for n in further}
        self.env["w_next"] = after = image[first]
        if isinstance(after, Span):
            gram.name_point(after, "w_next")
        for i, name in enumerate(loss.blocks):
            self.env[name], self.env[f"{name}_next"] = state[i], after[i]

    def evaluate(self, e: Any) -> Any:
        """A formula in Gram symbols."""
        if "w_start" in lower(e).inputs:
            self.env["w_start"] = self.gram.vector("w_start")
        return self.gram.run(lower(e), self.env, self.theorem.loss)["result"]

    def is_value(self, e: Any) -> bool:
        """Whether ``e`` is a value of the loss's link, whose sign an engine splits by itself."""
        return getattr(type(e), "link", None) is not None

    def relation(self, claim: Claim) -> tuple[Any, list[Any]]:
        """The claim and its side conditions in Gram symbols."""
        if isinstance(claim, AtPoint):
            raise InputError("a claim at a point needs coordinates; give the loss a dimension")
        given = [g.func(self.evaluate(g.lhs), self.evaluate(g.rhs)) for g in getattr(claim, "given", ())]
        return relate(claim, self.evaluate(claim.lhs), self.evaluate(claim.rhs)), given  # type: ignore[attr-defined]

    def nonnegative(self) -> list[Any]:
        """Norms are nonnegative."""
        return [sp.GreaterThan(self.gram.length(label), 0, evaluate=False) for label in self.gram.labels]

    def facts(self, using: Iterable[str], steps: Mapping[str, Step], strict: bool) -> dict[str, Any]:
        """The facts named in ``using``: of the class, Cauchy–Schwarz, or earlier steps."""
        if not using:
            return {}
        known = self.theorem.loss.lemmas(self.gram) if isinstance(self.theorem.loss, FunctionClass) else []
        chosen: dict[str, Any] = {}
        for wanted in using:
            if wanted in steps:
                relation, given = self.relation(steps[wanted].claim)
                chosen[f"step: {wanted}"] = sp.Implies(sp.And(*given), relation) if given else relation
                continue
            name, _, places = wanted.partition(":")
            points = tuple(p.strip() for p in places.replace("->", ",").split(",") if p.strip())
            if name == "Cauchy-Schwarz":
                labels = [f"g({p})" for p in points]
                if all(label in self.gram.labels for label in labels):
                    chosen[wanted] = cauchy_schwarz(self.gram, *labels).relation
                continue
            if name == "collinear":
                continue
            ordered = "->" in places
            matches = [
                f
                for f in known
                if f.name == name
                and (not points or f.points == points or (not ordered and set(f.points) == set(points)))
            ]
            if not matches and strict:
                names = sorted({f"{f.name}: {', '.join(f.points)}" for f in known})
                raise InputError(f"theorem {self.theorem.slug}: no fact '{wanted}'; known: {'; '.join(names)}")
            chosen |= {f"{f.name}: {', '.join(f.points)}": f.relation for f in matches}
        return chosen

    def scalars(self, e: Any) -> Any:
        """In one dimension every vector is a number: inner products become products."""
        if self.theorem.loss.dimension != 1:
            return e
        gram = self.gram
        numbers = {label: sp.Symbol(label, real=True) for label in gram.labels}
        swap: dict[Any, Any] = {gram.length(a): sp.Abs(numbers[a]) for a in gram.labels}
        swap |= {gram.entry(a, b): numbers[a] * numbers[b] for a in gram.labels for b in gram.labels if a != b}
        return _deep(e, lambda r: r.subs(swap, simultaneous=True))


def _deep(e: Any, change: Any) -> Any:
    return tuple(map(change, e)) if isinstance(e, tuple) else change(e)


def relate(claim: Any, left: Any, right: Any) -> Any:
    """The relation that a claim asserts between two scalars."""
    if isinstance(claim, Inequality):
        return sp.StrictLessThan(left, right) if claim.strict else sp.LessThan(left, right)
    return sp.Eq(left, right, evaluate=False) if left != right else sp.true


# -- fixed dimension: coordinates -----------------------------------------------------------------------------
def _concrete(theorem: Theorem, step: Step) -> Goal:
    claim: Any = step.claim
    at = claim.point if isinstance(claim, AtPoint) else None
    env = coordinate_environment(theorem, at)
    arithmetic = Symbolic()

    def evaluate(e: Any) -> Any:
        return arithmetic.run(lower(e), env, theorem.loss)["result"]

    given = [g.func(evaluate(g.lhs), evaluate(g.rhs)) for g in getattr(claim, "given", ())]
    goal = relate(claim, evaluate(claim.lhs), evaluate(claim.rhs))
    return Goal(step.name, (*theorem.all_hypotheses, *given), goal)


def coordinate_environment(theorem: Theorem, at: Sequence[Any] | None = None) -> dict[str, Any]:
    """Values of every name a formula may use, in SymPy coordinates.

    ``at`` fixes the iterate, with further state vectors at 0; otherwise all are symbols.
    """
    system = theorem.map
    whole = system.state_symbols()
    first, *further = system.state
    if at is not None:
        whole = {first: Coordinates(map(sp.sympify, at)), **{n: Coordinates(sp.S.Zero for _ in at) for n in further}}
    state = whole[first]
    env: dict[str, Any] = {s.name: s for s in theorem.symbols}
    env |= {"w": state, "w_star": Coordinates(sp.S.Zero for _ in state), "t": t}
    arithmetic = Symbolic()
    image = system.step(arithmetic, whole, env)
    env |= {n: whole[n] for n in further} | {f"{n}_next": image[n] for n in further}
    env["w_next"] = image[first]
    env["w_start"] = Coordinates(sp.Symbol(f"start{i}", real=True) for i in range(len(state)))
    for i, name in enumerate(system.loss.blocks):
        env[name] = arithmetic.block(state, i, len(system.loss.blocks))
        env[f"{name}_next"] = arithmetic.block(env["w_next"], i, len(system.loss.blocks))
    return env


def jacobian(theorem: Theorem, point: Sequence[Any]) -> sp.Matrix:
    """The Jacobian of one step where the iterate is ``point`` and further state vectors are 0."""
    names = {sp.Symbol(s.name, real=True): s for s in theorem.symbols}
    whole = [*point, *[0] * (len(point) * (len(theorem.map.state) - 1))]
    return theorem.map.jacobian_at(whole).xreplace(names).applyfunc(lambda e: e.doit())


def stability_margin(theorem: Theorem, at: Sequence[Any], direction: int | None) -> sp.Expr:
    """Positive where every multiplier of the fixed point has modulus below 1, negative where one has above.

    1 − m² for a single multiplier (of an eigendirection, or of each coordinate of a diagonal Jacobian), and the
    Jury conditions 1 − det, 1 − tr + det, 1 + tr + det for two coupled coordinates.
    """
    matrix = jacobian(theorem, at).applyfunc(sp.simplify)
    size = matrix.rows
    chosen = range(size) if direction is None else (direction,)
    coupled = [j for i in chosen for j in range(size) if j != i and matrix[j, i] != 0]
    if not coupled:
        return sp.Min(*(1 - sp.factor(matrix[i, i]) ** 2 for i in chosen))
    if direction is not None:
        raise InputError(f"theorem {theorem.slug}: e_{direction + 1} is no eigenvector of the Jacobian at {tuple(at)}")
    if size > 2:
        raise InputError(f"theorem {theorem.slug}: the Jacobian couples {size} coordinates; choose a direction")
    trace, determinant = map(sp.factor, (matrix.trace(), matrix.det()))
    return sp.Min(1 - determinant, 1 - trace + determinant, 1 + trace + determinant)


def _threshold(theorem: Theorem, step: Step) -> list[Goal]:
    claim: Any = step.claim
    base, point = theorem.all_hypotheses, claim.behaviour.at
    env = coordinate_environment(theorem, point)
    further = theorem.map.state[1:]
    image = [*env["w_next"], *(e for v in further for e in env[f"{v}_next"])]
    whole = [*point, *(sp.S.Zero for v in further for _ in point)]
    margin = stability_margin(theorem, point, claim.behaviour.direction)
    fixed = [
        Goal(f"fixed point, coordinate {i + 1}", base, relate(Identity(a, b), a, b))
        for i, (a, b) in enumerate(zip(image, whole, strict=True))
    ]
    return [
        *fixed,
        Goal(
            "stable below", (*base, sp.StrictLessThan(claim.quantity, claim.critical)), sp.StrictGreaterThan(margin, 0)
        ),
        Goal(
            "unstable above",
            (*base, sp.StrictGreaterThan(claim.quantity, claim.critical)),
            sp.StrictLessThan(margin, 0),
        ),
        Goal(
            "neutral at the threshold", (*base, sp.Eq(claim.quantity, claim.critical)), sp.Eq(margin, 0, evaluate=False)
        ),
    ]


def _cycle(theorem: Theorem, step: Step) -> list[Goal]:
    claim: Any = step.claim
    if len(theorem.map.state) > 1:
        raise InputError(f"theorem {theorem.slug}: a Cycle needs a rule whose state is the iterate alone")
    base = theorem.all_hypotheses
    exists = base if claim.exists_iff is None else (*base, claim.exists_iff)
    points = claim.points
    result = []
    for k, point in enumerate(points):
        follower = points[(k + 1) % len(points)]
        image = coordinate_environment(theorem, point)["w_next"]
        result += [
            Goal(f"point {k + 1} is followed by the next", exists, sp.Eq(a, b, evaluate=False))
            for a, b in zip(image, follower, strict=True)
        ]
    if len(points) > 1:
        distance = sum((a - b) ** 2 for a, b in zip(points[0], points[1], strict=True))
        result.append(Goal("the points differ", exists, sp.StrictGreaterThan(distance, 0)))
    if claim.multipliers:
        product = sp.eye(len(points[0]))
        for point in points:
            product = jacobian(theorem, point) * product
        for i, m in enumerate(claim.multipliers):
            result.append(Goal(f"multiplier {i + 1}", exists, sp.Eq(product[i, i], m, evaluate=False)))
            off = [product[j, i] for j in range(product.rows) if j != i]
            result += [Goal(f"multiplier {i + 1}: eigendirection", exists, sp.Eq(e, 0, evaluate=False)) for e in off]
            if claim.stable is not None:
                relation = sp.StrictLessThan if claim.stable else sp.StrictGreaterThan
                result.append(Goal(f"multiplier {i + 1}: modulus", exists, relation(m**2, 1)))
    if claim.exists_iff is not None:
        result.append(_no_cycle(theorem, (*base, sp.Not(claim.exists_iff))))
    return result


def _no_cycle(theorem: Theorem, assumptions: tuple[Any, ...]) -> Goal:
    """Where the cycle is said not to exist, no point returns after two steps without being fixed."""
    first = coordinate_environment(theorem)
    u, v = list(first["w"]), list(first["w_next"])
    names = [sp.Symbol(f"image{i}", real=True) for i in range(len(v))]
    back = coordinate_environment(theorem, names)["w_next"]
    closing = [sp.Eq(n, e, evaluate=False) for n, e in zip(names, v, strict=True)]
    closing += [sp.Eq(a, b, evaluate=False) for a, b in zip(u, back, strict=True)]
    moved = sum((a - n) ** 2 for a, n in zip(u, names, strict=True))
    return Goal("no cycle otherwise", (*assumptions, *closing), sp.Eq(moved, 0, evaluate=False))


def _scalar_map_goals(theorem: Theorem) -> list[Goal]:
    """A map of one variable that is odd, and continuous on the half-line of positive w."""
    if theorem.loss.dimension != 1 or len(theorem.map.state) > 1:
        raise InputError(f"theorem {theorem.slug}: the lemma needs a map of one variable")
    here = coordinate_environment(theorem)
    u = here["w"][0]
    mirrored = coordinate_environment(theorem, [-u])["w_next"][0]
    positive = (*theorem.all_hypotheses, u > 0)
    result = [Goal("the map is odd", theorem.all_hypotheses, sp.Eq(mirrored, -here["w_next"][0], evaluate=False))]
    branch = here["w_next"][0].subs({sp.sign(u): 1, sp.Abs(u): u})
    for factor in sp.Mul.make_args(sp.fraction(sp.together(branch))[1]):
        if factor.free_symbols:
            result.append(Goal("the map is continuous off 0", positive, sp.Ne(factor, 0, evaluate=False)))
    return result
