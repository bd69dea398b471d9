"""The search for a counterexample to one statement, and what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy as sp

from sam_theory.arithmetic import as_fraction
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._boundary import Boundary
from sam_theory.engines._search._climb import climb
from sam_theory.engines._search._data import Rejected, confirm_data
from sam_theory.engines._search._instances import Batch, Point, Sampler, describe
from sam_theory.engines._search._judge import INVALID, Judge
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._scene import scene_of_loss, scenes
from sam_theory.engines._search._select import judge_of
from sam_theory.engines._search._setting import Scene
from sam_theory.engines._search._shrink import by_complexity, confirm, shrink
from sam_theory.engines._search._starts import meets_on_the_way
from sam_theory.losses import FunctionClass, PolyakLojasiewicz
from sam_theory.theorems import Instance, InterpolationData, Theorem
from sam_theory.verdicts import Witness

__all__ = ["Hunt", "Worst"]


@dataclass(frozen=True)
class Worst:
    """The largest violation seen, and where."""

    violation: float
    where: str


class Hunt:
    """Looks for a witness against ``theorem``, simple rationals first; remembers how near it came."""

    def __init__(self, theorem: Theorem, budget: Budget, rng: np.random.Generator) -> None:
        self.theorem = theorem
        self.budget = budget
        self.rng = rng
        self.worst: Worst | None = None
        self.unconfirmed: Worst | None = None
        self.valid = 0
        self.judges: list[Judge] = []
        self.admitted = False
        self.rejected = ""

    # -- the stages --------------------------------------------------------------------------------------
    def run(self, thorough: bool) -> Witness | None:
        """A confirmed witness, or None; a search that is not ``thorough`` stops after the first stages."""
        found = self._candidate() or self._attained()
        if found is not None:
            return found
        stage = []
        for scene in scenes(self.theorem):
            judge, sampler = self._tools(scene)
            stage.append((judge, sampler))
            found = self._simple(judge, sampler)
            if found is not None:
                return found
        for judge, sampler in stage if thorough else stage[:3]:
            found = self._random(judge, sampler)
            if found is not None:
                return found
        return None

    def _tools(self, scene: Scene) -> tuple[Judge, Sampler]:
        judge = judge_of(scene, self.budget)
        self.judges.append(judge)
        return judge, Sampler(scene, scene.almost_every, judge.uses_start)

    def _candidate(self) -> Witness | None:
        """The counterexample that the statement itself suggests, if exact arithmetic confirms it."""
        candidate = self.theorem.candidate
        if not isinstance(candidate, InterpolationData):
            return self.at(candidate)
        try:
            return confirm_data(self.theorem, candidate)
        except Rejected as problem:
            self.rejected = str(problem)
            return None

    def _attained(self) -> Witness | None:
        """The instance where the bound is said to be reached: a bound that is too sharp fails there."""
        return self.at(self.theorem.attained_by)

    def at(self, instance: Instance | None) -> Witness | None:
        """A witness at one instance, confirmed exactly."""
        if instance is None:
            return None
        scene = scene_of_loss(self.theorem, instance.loss or self.theorem.loss)
        if sp.false in scene.hypotheses:
            return None
        judge, sampler = self._tools(scene)
        point = point_of(scene, instance)
        if not _belongs(scene, dict(point.values)):
            return None
        self._look(judge, Batch.of([point]))
        return confirm(judge, sampler, point)

    def at_rest(self) -> Witness | None:
        """A witness whose orbit starts at the origin of a loss, or of its shift: what events leave out."""
        for scene in scenes(self.theorem)[:3]:
            judge, sampler = self._tools(scene)
            batch = sampler.simple(self.rng, 4 * self.budget.attempts)
            if batch is None:
                continue
            self.admitted = True
            origin = np.zeros_like(batch.start)
            for i, name in enumerate(getattr(scene.loss, "shift", ())):
                origin[i] = batch.values[name]
            resting = Batch(scene, batch.values, origin)
            for i in range(batch.size):
                found = confirm(judge, sampler, resting.point(i))
                if found is not None:
                    return found
        return None

    def _simple(self, judge: Judge, sampler: Sampler) -> Witness | None:
        batch = sampler.simple(self.rng, self.budget.simple)
        if batch is None:
            return None
        self.admitted = True
        batch = judge.prepare(batch, self.rng)
        violation = self._look(judge, batch)
        bad = np.flatnonzero(violation > judge.tolerance)
        points = by_complexity(batch, bad)[: judge.patience * self.budget.attempts]
        confirmed = [found for point in points if (found := confirm(judge, sampler, point)) is not None]
        if confirmed:
            return min(confirmed, key=lambda w: (w.extra.get("relation") == "=", length(w)))
        for point in judge.extra(self.rng):
            found = confirm(judge, sampler, point)
            if found is not None:
                return found
        if judge.shrinks_simple:
            return self._shrunk(judge, sampler, batch, violation, 3)
        worst = bad[np.argsort(-violation[bad], kind="stable")][: len(points)]
        real = [i for i in worst.tolist() if not self._rounding(judge, batch.point(i))]
        if real:
            i = real[0]
            self.unconfirmed = Worst(float(violation[i]), describe(batch, i))
        return self._near_boundaries(judge, sampler, batch) if judge.at_boundaries else None

    @staticmethod
    def _rounding(judge: Judge, point: Point) -> bool:
        """Whether exact arithmetic shows that a violation seen in floats is none."""
        true = judge.rechecked(point)
        return true is not None and true <= judge.tolerance

    def _near_boundaries(self, judge: Judge, sampler: Sampler, batch: Batch) -> Witness | None:
        """Simple instances moved to where a hypothesis is about to fail."""
        if sampler.scene.family is not None and not sampler.scene.rational:
            return None  # its members are tied to their parameters
        relations = [*sampler.parameters.relations, getattr(judge.claim, "exists_iff", None)]
        for h in relations:
            if h is None or h.lhs.is_zero or h.rhs.is_zero:
                continue
            near = Boundary(sampler.parameters, h.lhs, h.rhs).near(batch, self.rng)
            if near.size:
                found = self._shrunk(judge, sampler, near, self._look(judge, near), 3)
                if found is not None:
                    return found
            for point in judge.extra(self.rng):
                found = confirm(judge, sampler, point)
                if found is not None:
                    return found
        return None

    def _random(self, judge: Judge, sampler: Sampler) -> Witness | None:
        batch = sampler.random(self.rng, self.budget.samples)
        if batch is None:
            return None
        self.admitted = True
        batch = judge.prepare(batch, self.rng)
        violation = self._look(judge, batch)
        if judge.climbs and not (violation > judge.tolerance).any():
            batch, violation = climb(judge, sampler, batch, violation, self.budget.climbs, self.rng)
            self._remember(judge, batch, violation)
        return self._shrunk(judge, sampler, batch, violation, 3)

    # -- book-keeping ------------------------------------------------------------------------------------
    def _look(self, judge: Judge, batch: Batch) -> Array:
        violation = judge.violation(batch)
        suspicious = np.flatnonzero(violation > judge.tolerance)
        if judge.scene.event is not None and judge.uses_start and not judge.decides_starts and len(suspicious):
            met = meets_on_the_way(judge.scene, batch.rows(suspicious), self.budget.steps)
            violation = violation.copy()
            violation[suspicious[met]] = INVALID
        self.valid += int(np.isfinite(violation).sum())
        self._remember(judge, batch, violation)
        return violation

    def _remember(self, judge: Judge, batch: Batch, violation: Array) -> None:
        finite = np.where(np.isfinite(violation), violation, -np.inf)
        if not finite.size or finite.max() == -np.inf:
            return
        i = int(finite.argmax())
        if self.worst is None or finite[i] > self.worst.violation:
            self.worst = Worst(float(finite[i]), describe(batch, i))

    def _shrunk(self, judge: Judge, sampler: Sampler, batch: Batch, violation: Array, rows: int) -> Witness | None:
        order = np.argsort(-violation, kind="stable")[:rows]
        for i in order:
            if not violation[i] > judge.tolerance:
                break
            if self._rounding(judge, batch.point(int(i), None)):
                continue
            found = shrink(judge, sampler, batch, int(i), self.budget.attempts)
            if found is not None:
                return found
            if self.unconfirmed is None or violation[i] > self.unconfirmed.violation:
                self.unconfirmed = Worst(float(violation[i]), describe(batch, int(i)))
        return None

    @property
    def sufficient(self) -> bool:
        """Whether what was measured can support the statement."""
        kinds: list[type[Judge]] = list(dict.fromkeys(type(j) for j in self.judges))
        return all(kind.sufficient([j for j in self.judges if type(j) is kind]) for kind in kinds)

    def notes(self) -> Iterator[str]:
        """Remarks on the measurements."""
        if self.rejected:
            yield f"the candidate data are no counterexample: {self.rejected}"
        kinds: list[type[Judge]] = list(dict.fromkeys(type(j) for j in self.judges))
        for kind in kinds:
            note = kind.summary([j for j in self.judges if type(j) is kind])
            if note:
                yield note
        if any(j.machine_code for j in self.judges):
            yield "long trajectories by machine code"


def point_of(scene: Scene, instance: Instance) -> Point:
    """An instance as a point of its scene; constants of a class are those of the loss, where they are not given."""
    values = {s.name: Fraction(0) for s in scene.symbols}
    values |= {k: as_fraction(v) for k, v in instance.params.items()}
    for name, e in (("alpha", scene.loss.facts.alpha), ("beta", scene.loss.facts.beta)) if scene.loss else ():
        if name in values and name not in instance.params and e is not None and getattr(e, "is_Rational", False):
            values[name] = as_fraction(e)
    return Point(scene, values, tuple(as_fraction(c) for c in instance.start))


def _belongs(scene: Scene, values: dict[str, Fraction]) -> bool:
    """Whether a concrete loss is known to belong to the class of the statement at these constants."""
    domain, loss = scene.theorem.loss, scene.loss
    if not isinstance(domain, FunctionClass) or loss is None:
        return True
    numbers = {s: sp.Rational(values[s.name]) for s in domain.class_symbols if s.name in values}
    for name, sign in (("alpha", 1), ("beta", -1)):
        if name in domain.constants:
            known, wanted = getattr(loss.facts, name), getattr(domain, name).xreplace(numbers)
            if known is None and name == "alpha" and isinstance(domain, PolyakLojasiewicz):
                known = loss.facts.polyak_lojasiewicz
            if known is None or sp.sympify(sign * (known - wanted) >= 0) is not sp.true:
                return False
    return True


def length(found: Witness) -> int:
    """How much there is to read in a witness."""
    texts = (*found.params.values(), *found.start, found.observed, found.bound)
    large = any(len(part) > 2 for t in texts for part in t.lstrip("-").split("/"))
    return 1000 * large + sum(map(len, texts)) + (found.step or 0)
