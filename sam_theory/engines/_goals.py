"""From a step of a proof to goals: relations between scalars that an engine can close.

A goal holds for every dimension and every member of a class where it was obtained in Gram form, and for every
state in coordinates otherwise.  Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, Gram, Span, Symbolic, Vec, VectorSymbol, lower
from sam_theory.engines._goal import Goal, equal, relate
from sam_theory.engines._orbit_goals import (
    Inputs,
    coordinate_environment,
    cycle_goals,
    scalar_map_goals,
    step_inputs,
    threshold_goals,
)
from sam_theory.engines._saddle_goals import saddle_goals
from sam_theory.errors import InputError
from sam_theory.losses import Expression, Fact, FunctionClass, cauchy_schwarz
from sam_theory.theorems import (
    AlmostEvery,
    AtPoint,
    Claim,
    Cycle,
    DistanceDecreases,
    Identity,
    Inequality,
    Lemma,
    Step,
    StrictSaddles,
    Theorem,
    Threshold,
    t,
)


def goals_of(theorem: Theorem) -> list[Goal]:
    """All goals whose closing proves the theorem; none where it has no proof.

    Raises InputError if the proof does not fit the claim, or names a fact that does not exist.
    """
    claim = theorem.expanded_claim
    if not theorem.proof:
        direct = isinstance(claim, (Identity, Inequality, Threshold, Cycle))
        return [*declared_minimiser(theorem, [claim]), *_encode(theorem, Step("claim", claim), {})] if direct else []
    steps: dict[str, Step] = {}
    result: list[Goal] = []
    lemmas = {i: item.expanded(theorem.expand) for i, item in enumerate(theorem.proof) if isinstance(item, Lemma)}
    for named in lemmas.values():
        _check_quantifier(theorem, named)
    for i, own in enumerate(theorem.steps):
        lemma = lemmas.get(i)
        if isinstance(lemma, DistanceDecreases):
            result += scalar_map_goals(theorem, lemma)
        elif isinstance(lemma, StrictSaddles):
            result += saddle_goals(theorem, lemma)
        for step in own:
            result += _encode(theorem, step, steps)
            steps[step.name] = step
    _check_conclusion(theorem, claim)
    said = declared_minimiser(theorem, [claim, *(s.claim for s in steps.values())])
    return list(dict.fromkeys([*said, *result]))


def _check_quantifier(theorem: Theorem, lemma: Lemma) -> None:
    """A lemma speaks of one map or of every step of a schedule, and of no more starts than it covers."""
    if lemma.one_map or theorem.rule.noise:
        _refuse_changing_maps(theorem, f"the lemma '{lemma.name}'")
    elif (theorem.rule.uses_step_number or lemma.counts_steps) and any(s.name == "k" for s in theorem.symbols):
        raise InputError(f"theorem {theorem.slug}: the lemma '{lemma.name}' needs its steps proved for every k")
    needed = lemma.quantifier()
    fits = needed is None or theorem.starts == needed
    if isinstance(needed, AlmostEvery):
        fits = isinstance(theorem.starts, AlmostEvery) and set(needed.except_) <= set(theorem.starts.except_)
    if not fits:
        assert needed is not None
        raise InputError(
            f"theorem {theorem.slug}: the lemma '{lemma.name}' concludes {needed.text()}; say so: starts={needed!r}"
        )


def _refuse_changing_maps(theorem: Theorem, what: str) -> None:
    rule = theorem.rule
    if rule.velocity:
        raise InputError(f"theorem {theorem.slug}: {what} needs a map, but '{rule.name}' is the velocity of a flow")
    if rule.noise or rule.uses_step_number:
        kind = "noise" if rule.noise else "a schedule"
        raise InputError(f"theorem {theorem.slug}: {what} needs one fixed map, but the rule '{rule.name}' has {kind}")


def trusted_lemmas(theorem: Theorem) -> tuple[str, ...]:
    """Names of the lemmas that conclude the theorem from its closed goals, and what is merely declared."""
    declared = ("the declared minimiser",) if _speaks_of_a_declared_minimiser(theorem, [theorem.expanded_claim]) else ()
    return (*(item.name for item in theorem.proof if isinstance(item, Lemma)), *declared)


def _check_conclusion(theorem: Theorem, claim: Claim) -> None:
    last = theorem.proof[-1]
    if isinstance(last, Step) and last.claim.map(theorem.expand) != claim:
        raise InputError(
            f"theorem {theorem.slug}: the last step proves '{last.claim.text()}', not the claim '{claim.text()}'"
        )


def _speaks_of_a_declared_minimiser(theorem: Theorem, claims: Iterable[Claim]) -> bool:
    star = VectorSymbol("w_star")
    own = isinstance(theorem.loss, Expression) and bool(theorem.loss.facts.minimisers)
    return own and any(star in e.atoms(VectorSymbol) for claim in claims for e in claim.formulas())


def declared_minimiser(theorem: Theorem, claims: Iterable[Claim]) -> list[Goal]:
    """The gradient of an expression vanishes at the point that was declared its minimiser."""
    if not _speaks_of_a_declared_minimiser(theorem, claims):
        return []
    env = coordinate_environment(theorem)
    slope = theorem.loss.gradient(Symbolic(), env["w_star"], env)
    name = "the gradient vanishes at the declared minimiser"
    return [Goal(name, theorem.all_hypotheses, equal(g, sp.S.Zero)) for g in slope]


def _encode(theorem: Theorem, step: Step, steps: Mapping[str, Step]) -> list[Goal]:
    claim = step.claim
    if step.within is not None:
        return _encode_within(theorem, step, steps)
    if isinstance(claim, (Threshold, Cycle)):
        _refuse_changing_maps(theorem, f"a {claim.kind}")
        return threshold_goals(theorem, step) if isinstance(claim, Threshold) else cycle_goals(theorem, step)
    if not isinstance(claim, (Identity, Inequality, AtPoint)):
        raise InputError(
            f"theorem {theorem.slug}: the step '{step.name}' is a {claim.kind}, which needs a lemma on trajectories; "
            "steps are identities, inequalities, thresholds and cycles"
        )
    result = []
    for inputs in step_inputs(theorem):
        if theorem.loss.abstract or theorem.loss.dimension is None:
            result += _abstract(theorem, step, steps, inputs)
        else:
            result.append(_concrete(theorem, step, inputs))
    return result


def _encode_within(theorem: Theorem, step: Step, steps: Mapping[str, Step]) -> list[Goal]:
    """The step for every member of a class, and that the loss is one of them.

    Earlier steps may be used only if they hold for the same class.
    """
    whole = step.within
    if not isinstance(whole, FunctionClass):
        raise InputError(f"theorem {theorem.slug}: the step '{step.name}' is to hold within {whole}, which is no class")
    member = [
        Goal(f"the loss belongs to {whole.name}", theorem.all_hypotheses, r)
        for r in (*whole.hypotheses, *whole.contains(theorem.loss))
    ]
    known = {n: s for n, s in steps.items() if s.within is whole}
    return [*member, *_encode(theorem.with_(loss=whole), replace(step, within=None), known)]


# -- every dimension, every member: Gram form -----------------------------------------------------------------
def _abstract(theorem: Theorem, step: Step, steps: Mapping[str, Step], inputs: Inputs) -> list[Goal]:
    plain = not step.using and not any(e.has(Vec) for e in step.claim.formulas())
    result = []
    cases: list[tuple[bool, ...]] = [()]
    while cases:
        zero = cases.pop(0)
        scene = _Scene(theorem, zero, inputs)
        goal, given = scene.relation(step.claim)
        if scene.gram.normalised > len(zero) and not plain:
            # A vector that no case has decided yet; which ones occur may depend on the earlier decisions.
            cases += [(*zero, False), (*zero, True)]
            continue
        facts = scene.facts(step.using, steps, strict=not any(zero))
        assumptions = (
            *theorem.all_hypotheses,
            *inputs.assumptions,
            *(() if plain else scene.gram.case()),
            *scene.nonnegative(),
            *given,
        )
        result.append(
            Goal(
                step.name + (f", normalised vectors vanish: {', '.join(map(str, zero))}" if any(zero) else ""),
                scene.scalars(assumptions),
                scene.scalars(goal),
                scene.scalars(tuple(facts.values())),
                tuple(dict.fromkeys(n.split(":")[0] for n in facts if not n.startswith("step:"))),
                special_case=any(zero),
                labels=tuple(facts),
            )
        )
    return result


class _Scene:
    """One step of the map in Gram form, and the formulas of a claim in it."""

    def __init__(self, theorem: Theorem, zero: Sequence[bool], inputs: Inputs) -> None:
        self.theorem = theorem
        self.gram = gram = Gram(zero)
        loss = theorem.loss
        self.env: dict[str, Any] = {s.name: s for s in theorem.symbols} | {"t": t} | inputs.values
        if loss.abstract:
            self.env["w_star"] = gram.minimiser("w_star", at_origin=getattr(loss, "spectral", False))
        elif loss.facts.minimum is not None and not loss.blocks:
            self.env["w_star"] = Span({})  # a quadratic with positive eigenvalues
        state: Any = Coordinates(gram.vector(n) for n in loss.blocks) if loss.blocks else gram.vector("w")
        self.env["w"] = state
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

    def relation(self, claim: Claim) -> tuple[Any, list[Any]]:
        """The claim and its side conditions in Gram symbols."""
        if isinstance(claim, AtPoint):
            raise InputError("a claim at a point needs coordinates; give the loss a dimension")
        given = [g.func(self.evaluate(g.lhs), self.evaluate(g.rhs)) for g in getattr(claim, "given", ())]
        assert isinstance(claim, (Identity, Inequality))
        return relate(claim, self.evaluate(claim.lhs), self.evaluate(claim.rhs)), given

    def nonnegative(self) -> list[Any]:
        """Norms are nonnegative, and so are the inner products ⟨v,v⟩ under a root."""
        known = [*map(self.gram.length, self.gram.labels), *(e for e in self.gram.squares if not e.is_number)]
        return [sp.GreaterThan(e, 0, evaluate=False) for e in known]

    def facts(self, using: Iterable[str], steps: Mapping[str, Step], strict: bool) -> dict[str, Any]:
        """The facts named in ``using``: of the class, Cauchy–Schwarz, or earlier steps."""
        if not using:
            return {}
        loss = self.theorem.loss
        named = {wanted.partition(":")[0] for wanted in using if wanted not in steps}
        known = loss.lemmas_named(self.gram, named) if named and isinstance(loss, FunctionClass) else []
        zero = {self.gram.length(label): sp.S.Zero for label in self.gram.vanishing()}
        chosen: dict[str, Any] = {}
        for wanted in using:
            if wanted in steps:
                relation, given = self.relation(steps[wanted].claim)
                if any(g.xreplace(zero) is sp.false for g in given):
                    continue  # the step says nothing in this case, and its sides may not exist
                chosen[f"step: {wanted}"] = sp.Implies(sp.And(*given), relation) if given else relation
                continue
            name, _, places = wanted.partition(":")
            points = tuple(p.strip() for p in places.replace("->", ",").split(",") if p.strip())
            if name == "Cauchy-Schwarz":
                fact = self._cauchy_schwarz(points)
                if fact is not None:
                    chosen[wanted] = fact.relation
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
                every = loss.lemmas(self.gram) if isinstance(loss, FunctionClass) else []
                names = sorted({f"{f.name}: {', '.join(f.points)}" for f in every})
                raise InputError(f"theorem {self.theorem.slug}: no fact '{wanted}'; known: {'; '.join(names)}")
            for i, f in enumerate(matches):  # several facts may bear one name at the same points
                chosen[f"{f.name}: {', '.join(f.points)} #{i}"] = f.relation
        return chosen

    def _cauchy_schwarz(self, points: Sequence[str]) -> Fact | None:
        """Cauchy–Schwarz for the gradients at two points, None where one of them was not evaluated."""
        if getattr(self.theorem.loss, "spectral", False):
            at = {p.name: p.gradient for p in self.gram.points}
            if not all(p in at and at[p].terms for p in points):
                return None
            u, v = (at[p] for p in points)
            squares = (sp.expand(self.gram.dot(a, a)) for a in (u, v))
            product = sp.expand(self.gram.dot(u, v))
            return Fact("Cauchy-Schwarz", tuple(points), sp.Le(product**2, sp.Mul(*squares), evaluate=False))
        labels = [f"g({p})" for p in points]
        known = all(label in self.gram.labels for label in labels)
        return cauchy_schwarz(self.gram, *labels) if known else None

    def scalars(self, e: Any) -> Any:
        """In one dimension every vector is a number: inner products become products."""
        if self.theorem.loss.dimension != 1:
            return e
        gram = self.gram
        numbers = {label: sp.Symbol(label, real=True) for label in gram.labels}
        swap: dict[Any, Any] = {gram.length(a): sp.Abs(numbers[a]) for a in gram.labels}
        swap |= {gram.entry(a, b): numbers[a] * numbers[b] for a in gram.labels for b in gram.labels if a != b}
        return _deep(e, lambda r: r.xreplace(swap))  # the keys are symbols


def _deep(e: Any, change: Any) -> Any:
    return tuple(map(change, e)) if isinstance(e, tuple) else change(e)


# -- fixed dimension: coordinates -----------------------------------------------------------------------------
def _concrete(theorem: Theorem, step: Step, inputs: Inputs) -> Goal:
    claim: Any = step.claim
    at = claim.point if isinstance(claim, AtPoint) else None
    env = coordinate_environment(theorem, at, inputs)
    arithmetic = Symbolic()

    def evaluate(e: Any) -> Any:
        return arithmetic.run(lower(e), env, theorem.loss)["result"]

    given = [g.func(evaluate(g.lhs), evaluate(g.rhs)) for g in getattr(claim, "given", ())]
    goal = relate(claim, evaluate(claim.lhs), evaluate(claim.rhs))
    return Goal(step.name, (*theorem.all_hypotheses, *inputs.assumptions, *given), goal)
