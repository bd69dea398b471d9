"""The search for a counterexample to one statement, and what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sam_theory.arithmetic import as_fraction
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._climb import climb
from sam_theory.engines._search._instances import Batch, Point, Sampler
from sam_theory.engines._search._judge import Judge
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._scene import Scene, scene_of_loss, scenes
from sam_theory.engines._search._select import judge_of
from sam_theory.engines._search._shrink import by_complexity, confirm, shrink
from sam_theory.theorems import Theorem
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

    # -- the stages --------------------------------------------------------------------------------------
    def run(self, thorough: bool) -> Witness | None:
        """A confirmed witness, or None; a search that is not ``thorough`` stops after the first stages."""
        found = self._attained()
        if found is not None:
            return found
        stage = [(scene, *self._tools(scene)) for scene in scenes(self.theorem)]
        for scene, judge, sampler in stage:
            found = self._simple(judge, sampler)
            if found is not None:
                return found
        order = stage if thorough else stage[:3]
        for scene, judge, sampler in order:
            found = self._random(judge, sampler)
            if found is not None:
                return found
        return None

    def _tools(self, scene: Scene) -> tuple[Judge, Sampler]:
        judge = judge_of(scene, self.budget)
        self.judges.append(judge)
        return judge, Sampler(scene, self.theorem.starts is not None, judge.uses_start)

    def _attained(self) -> Witness | None:
        """The instance where the bound is said to be reached: a bound that is too sharp fails there."""
        instance = self.theorem.attained_by
        if instance is None:
            return None
        scene = scene_of_loss(self.theorem, instance.loss or self.theorem.loss)
        judge, sampler = self._tools(scene)
        values = {s.name: Fraction(0) for s in scene.symbols}
        values |= {k: as_fraction(v) for k, v in instance.params.items()}
        for name, e in (("alpha", scene.loss.facts.alpha), ("beta", scene.loss.facts.beta)) if scene.loss else ():
            if name in values and name not in instance.params and e is not None and getattr(e, "is_Rational", False):
                values[name] = as_fraction(e)
        point = Point(scene, values, tuple(as_fraction(c) for c in instance.start))
        self._look(judge, Batch.of([point]))
        return confirm(judge, sampler, point)

    def _simple(self, judge: Judge, sampler: Sampler) -> Witness | None:
        batch = sampler.simple(self.rng, self.budget.simple)
        if batch is None:
            return None
        self.admitted = True
        batch = judge.prepare(batch, self.rng)
        violation = self._look(judge, batch)
        bad = np.flatnonzero(violation > judge.tolerance)
        points = by_complexity(batch, bad)[: self.budget.attempts]
        confirmed = [found for point in points if (found := confirm(judge, sampler, point)) is not None]
        if confirmed:
            return min(confirmed, key=length)
        for point in judge.extra(self.rng):
            found = confirm(judge, sampler, point)
            if found is not None:
                return found
        return self._shrunk(judge, sampler, batch, violation, 1)

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

    def _shrunk(
        self, judge: Judge, sampler: Sampler, batch: Batch, violation: Array, rows: int
    ) -> Witness | None:
        order = np.argsort(-violation, kind="stable")[:rows]
        for i in order:
            if not violation[i] > judge.tolerance:
                break
            found = shrink(judge, sampler, batch, int(i), self.budget.attempts)
            if found is not None:
                return found
            if self.unconfirmed is None or violation[i] > self.unconfirmed.violation:
                self.unconfirmed = Worst(float(violation[i]), describe(batch, int(i)))
        return None

    def notes(self) -> Iterator[str]:
        """Remarks of the judges, each once."""
        yield from dict.fromkeys(note for judge in self.judges if (note := judge.note()))


def length(found: Witness) -> int:
    """How much there is to read in a witness."""
    texts = (*found.params.values(), *found.start, found.observed, found.bound)
    return sum(map(len, texts)) + (found.step or 0)


def describe(batch: Batch, i: int) -> str:
    """One instance in words."""
    values = [f"{k}={v[i]:.6g}" for k, v in sorted(batch.values.items()) if not k.startswith("m_")]
    start = f", start ({', '.join(f'{c:.6g}' for c in batch.start[:, i])})" if len(batch.start) else ""
    return f"{batch.scene.name}: {', '.join(values)}{start}"
