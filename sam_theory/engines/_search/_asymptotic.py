"""Asymptotic claims: the order of the remainder fitted over decades, the ratio decided by exact series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import LENGTH, Float64, VectorSymbol
from sam_theory.engines._asymptotic import exact_leading_term, ratio_of
from sam_theory.engines._budget import Budget
from sam_theory.engines._few_steps import paths
from sam_theory.engines._leading import Leading, Unknown
from sam_theory.engines._search._exact import compare, exactly
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import INVALID, Judge, column, scale_terms, witness
from sam_theory.engines._search._parameters import Array, Parameters
from sam_theory.engines._search._setting import Scene
from sam_theory.errors import InputError
from sam_theory.theorems import Asymptotic, Theorem
from sam_theory.verdicts import Witness

__all__ = ["AsymptoticJudge", "line"]

_SLACK = 0.1
#: Levels of the small parameter and how many make a decade: of a limit or a few steps, and of a growing number of steps
#: by budget, whose largest small parameter is this part of the other lengths.
_LEVELS, _PER_DECADE = 15, 3
_GROWING = {"quick": (7, 24), "default": (10, 24), "full": (13, 96)}
_PER_DECADE_GROWING = 6
_LARGEST = 0.05
#: The same where the limit over t is taken after more and more steps as the small parameter shrinks.
_PER_DECADE_LENGTHENING = 12
_LONGER = 4


class AsymptoticJudge(Judge):
    """The violation is the claimed order minus the slope of log|quantity/leading − 1| against log small."""

    tolerance = 0.0
    uses_start = False
    climbs = False
    at_boundaries = False  # no expansion is uniform up to there

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        claim = self.claim
        self.small: sp.Symbol = claim.small
        terms = {f"t{i}": e for i, e in enumerate(scale_terms(claim.quantity))}
        self.quantity = self.compiled({"quantity": claim.quantity, **terms})
        self.terms = list(terms)
        self.looks_ahead = any(v.name.endswith("_next") for v in claim.quantity.atoms(VectorSymbol))
        self.leading = self.compiled({"leading": claim.leading, "order": claim.order})
        self.count = self.compiled({"steps": claim.steps})
        self.growing = claim.at is not None and not claim.at.is_number
        self.lengthening = claim.at is None and self.small in claim.horizon.free_symbols
        self.levels = _LEVELS
        self.per_decade = _PER_DECADE_LENGTHENING if self.lengthening else _PER_DECADE
        self.start = [self.compiled({"start": c}) for c in claim.start]
        self.parameters = Parameters(scene)
        self.fits: list[tuple[float, float]] = []
        self.measured: list[tuple[Point, float]] = []
        self.longest = (6 if budget.name == "quick" else 16) * budget.steps
        if self.lengthening:
            self.longest = 16 * _LONGER * budget.steps
        if self.growing:
            self.levels, longest = _GROWING.get(budget.name, _GROWING["default"])
            self.longest, self.per_decade = longest * budget.steps, _PER_DECADE_GROWING
            self.times = self._times()

    # -- floats ------------------------------------------------------------------------------------------
    def prepare(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """The instances whose horizon can be reached, a few of them."""
        with np.errstate(all="ignore"):
            batch = self._within_reach(batch) if self.growing else self._small(batch)
            steps = column(Float64().run(self.count, batch.env())["steps"], batch.size)
        reach = self.longest / _LONGER if self.lengthening else self.longest + 1
        return batch.rows(np.flatnonzero(steps <= reach)[: 3 * self.budget.attempts])

    def _times(self) -> list[str]:
        """The parameters that say nothing but how long the orbit is followed."""
        claim = self.claim
        tied = {x for e in (claim.quantity, claim.leading, claim.order, *claim.start) for x in e.free_symbols}
        tied |= {x for h in self.scene.hypotheses if len(h.free_symbols) > 1 for x in h.free_symbols}
        return sorted(x.name for x in claim.at.free_symbols - tied if sp.diff(claim.at, x, 2) == 0)

    def _small(self, batch: Batch) -> Batch:
        """The same instances with a small parameter below the other lengths, where it is a length itself."""
        name = self.small.name
        known = self.theorem.known_dimensions or {}
        if known.get(name) != LENGTH:
            return batch
        others = [s.name for s in self.scene.symbols if known.get(s.name) == LENGTH and s.name != name]
        lengths = [np.abs(batch.values[n]) for n in others if (batch.values[n] != 0).all()]
        largest = _LARGEST * (np.min(lengths, axis=0) if lengths else np.ones(batch.size))
        values = {**batch.values, name: np.minimum(batch.values[name], largest)}
        return Batch(batch.scene, values, batch.start)

    def _within_reach(self, batch: Batch) -> Batch:
        """The same instances with a small parameter that is small, and a time that a simulation reaches below it."""
        name, n = self.small.name, batch.size
        values = dict(batch.values)
        env = self.scene.with_constants(Float64(), values)
        start = np.stack([column(Float64().run(p, env)["start"], n) for p in self.start])
        fast = np.array([self.small in c.free_symbols for c in self.claim.start])
        others = np.where(start[~fast] != 0, np.abs(start[~fast]), 1.0).min(axis=0, initial=1.0)
        size = np.abs(start[fast]).max(axis=0, initial=0.0) / np.abs(values[name])
        values[name] = _LARGEST * others / np.maximum(size, 1.0)
        bottom = {**values, name: values[name] * 10.0 ** (-(self.levels - 1) / self.per_decade)}
        steps = column(Float64().run(self.count, self.scene.with_constants(Float64(), bottom))["steps"], n)
        for time in self.times[:1]:
            values[time] = values[time] * self.longest / steps
        fits = np.flatnonzero(np.isfinite(steps) & (steps > 0) & ((steps <= self.longest) | bool(self.times)))
        return Batch(batch.scene, values, batch.start).rows(fits)

    def violation(self, batch: Batch) -> Array:
        n, levels = batch.size, self.levels
        if not n:
            return np.zeros(0)
        factors = 10.0 ** (-np.arange(levels) / self.per_decade)
        values = {k: np.repeat(v, levels) for k, v in batch.env().items()}
        values[self.small.name] = values[self.small.name] * np.tile(factors, n)
        with np.errstate(all="ignore"):
            values = self.parameters.complete(values)
            error, noise, order = self._errors(values, n * levels)
        size = np.log(np.abs(values[self.small.name]) + 1e-300).reshape(n, levels)
        result = np.full(n, INVALID)
        for i in range(n):
            self._measure(batch.point(i), error.reshape(n, -1)[i], noise.reshape(n, -1)[i])
            result[i] = self._fitted(
                size[i], error.reshape(n, -1)[i], noise.reshape(n, -1)[i], order.reshape(n, -1)[i, -1]
            )
        return result

    def _measure(self, point: Point, error: Array, noise: Array) -> None:
        """Keep |quantity/leading − 1| at the smallest parameter at which it is no rounding."""
        usable = np.flatnonzero(np.isfinite(error) & (error > 50 * noise))
        if usable.size:
            self.measured.append((point, float(error[usable[-1]])))

    def extra(self, rng: np.random.Generator) -> list[Point]:
        """Where the exact leading term is not the claimed one, and the floats say so: a slope may not show it."""
        found = self._exact_ratio() if self.measured else None
        if found is None or found[1] == 1 or found[1].has(self.small):
            return []
        _, ratio = found
        program = self.compiled({"value": self.scene.concrete(ratio)})
        points = []
        for point, error in self.measured:
            exact = float(Float64().run(program, point.env(Float64()))["value"])
            if exact != 1 and abs(error - abs(exact - 1)) < 0.5 * abs(exact - 1):
                points.append(point)
        return points[: self.budget.attempts]

    def _errors(self, values: dict[str, Any], n: int) -> tuple[Array, Array, Array]:
        """|quantity/leading − 1|, the part of it that rounding may cause, and the claimed order."""
        arithmetic = Float64()
        steps = np.ceil(column(arithmetic.run(self.count, values)["steps"], n))
        r = {k: column(v, n) for k, v in arithmetic.run(self.leading, {**values, "t": steps}).items()}
        if self.lengthening:
            steps = np.where(steps <= self.longest, steps, np.nan)
        begin = np.stack([column(arithmetic.run(p, values)["start"], n) for p in self.start])
        last = int(np.nanmax(np.where(np.isfinite(steps), steps, 0.0)))
        seen: dict[str, Array] = {}
        for probability, path in paths(self.theorem, last if self.theorem.rule.noise else 0):
            for name, value in self._end(values, begin, steps, last, path).items():
                seen[name] = seen.get(name, 0.0) + float(probability) * column(value, n)
        scale = sum((np.abs(seen[t]) for t in self.terms), np.zeros(n))
        noise = 4e-16 * (2 + np.sqrt(steps)) * scale / np.abs(r["leading"])
        error = np.abs(seen["quantity"] / r["leading"] - 1)
        return np.where(np.isfinite(steps), error, np.nan), noise, r["order"]

    def _end(self, values: dict[str, Any], begin: Array, steps: Array, last: int, path: Any) -> dict[str, Any]:
        """The quantity and its terms after the given numbers of steps, along one path of the noise."""
        scene, arithmetic = self.scene, Float64()
        self.evaluations += steps.size * last
        moved = None if path else self.moved(self.longest, 3 * self.budget.attempts * self.levels)
        if moved is None:
            state = self._stepped(values, begin, steps, path)
        else:
            left = np.zeros(steps.size, dtype=bool)
            whole = moved.ends(values, begin, steps, left)
            if left.any():
                own = {k: v[left] if np.ndim(v) else v for k, v in values.items()}
                whole[:, left] = np.stack(scene.whole(self._stepped(own, begin[:, left], steps[left], path)))
            state = {v: whole[i * len(begin) : (i + 1) * len(begin)] for i, v in enumerate(scene.map.state)}
        w = scene.iterate(state)
        after = scene.iterate(scene.step(arithmetic, values, state, None)) if self.looks_ahead else None
        env = scene.environment(arithmetic, values, w, after, w_start=begin, t=steps)
        return arithmetic.run(self.quantity, env, scene.loss)

    def _stepped(self, values: dict[str, Any], begin: Array, steps: Array, path: Any) -> dict[str, Any]:
        """The states after the given numbers of steps in the reference."""
        scene, arithmetic = self.scene, Float64()
        state = scene.state(arithmetic, begin)
        step = scene.stepper(arithmetic, values)
        for t in range(int(np.nanmax(np.where(np.isfinite(steps), steps, 0.0)))):
            noise = {name: float(v) for name, v in path[t].items()} if path else {}
            new = step({**state, **noise}, t)
            state = {k: np.where(t < steps, v, state[k]) for k, v in new.items()}
        return state

    def _fitted(self, x: Array, error: Array, noise: Array, order: float) -> float:
        """Claimed order minus fitted slope, less its error; −1 where the remainder drowns in rounding."""
        usable = np.isfinite(error) & (error > 50 * noise)
        if not usable.any():
            return -1.0 if np.isfinite(error).any() else INVALID
        last = int(np.flatnonzero(usable).max())
        enough = _PER_DECADE if self.lengthening else self.per_decade
        chosen = [i for i in range(max(0, last - 2 * enough), last + 1) if usable[i]]
        if len(chosen) < enough + 1:
            return INVALID
        slope, spread = line(x[chosen], np.log(error[chosen]))
        if error[last] > 0.5 and slope > 0.1:
            return INVALID  # still far from the limit
        if spread > _SLACK:
            return INVALID  # the remainder is no power yet
        violation = float(order - slope - spread - _SLACK)
        half = len(chosen) // 2
        if violation > 0 and half > 1:
            early, late = (line(x[part], np.log(error[part]))[0] for part in (chosen[:-half], chosen[-half:]))
            if late > early + _SLACK:
                return INVALID  # the slope still rises towards the limit
        self.fits.append((slope, spread))
        return violation

    @classmethod
    def summary(cls, judges: Sequence[Any]) -> str:
        fits = [fit for judge in judges for fit in judge.fits]
        if not fits:
            return ""
        slope, spread = min(fits, key=lambda fit: fit[1])
        low, low_spread = min(fits)
        orders = sorted({str(judge.claim.order) for judge in judges})
        return (
            f"predicted order {', '.join(orders)}; fitted order {slope:.4f} ± {spread:.4f} where it is sharpest, "
            f"{low:.3f} ± {low_spread:.3f} where it is least, in {len(fits)} fits"
        )

    def _exact_ratio(self) -> tuple[Leading, sp.Expr] | None:
        """The exact leading term and its ratio to the claimed one, where both are known."""
        return _known(self.scene.theorem)

    def _ratio_at(self, point: Point) -> tuple[Leading, sp.Expr] | None:
        """The same on the concrete loss with the numbers of ``point``: more may be known there than of all."""
        scene = self.scene
        numbers = {s: point.values[s.name] for s in scene.symbols if s != self.small}
        equations = tuple(sp.Eq(s, sp.Rational(v.numerator, v.denominator)) for s, v in numbers.items())
        small = tuple(h for h in scene.hypotheses if h.free_symbols == {self.small})
        try:
            there = scene.theorem.with_(
                slug=f"{scene.theorem.slug}~at a point",
                status="quoted",
                loss=scene.loss,
                claim=self.claim,
                where={},
                hypotheses=(*small, *equations),
                proof=(),
                mutants=(),
                attained_by=None,
                candidate=None,
            )
        except InputError:
            return None
        return _known(there)

    # -- exact -------------------------------------------------------------------------------------------
    def confirm(self, point: Point) -> Witness | None:
        """Exact parameters at which the exact leading term is not the claimed one."""
        known = self._exact_ratio() or self._ratio_at(point)
        if known is None:
            return None
        found, ratio = known
        claim = self.scene.theorem.expanded_claim
        assert isinstance(claim, Asymptotic)
        values = {k: v for k, v in point.values.items() if k != self.small.name}
        at = Point(point.scene, values, ())
        extra = {"relation": "≠", "method": found.method}
        if ratio.has(self.small):
            if not self._nonzero(found.term, point) or not self._away_from_one(ratio, point):
                return None
            extra["observable"] = f"exact over claimed leading term, which still depends on {self.small}"
            return witness(at, "limit", None, str(self.scene.concrete(ratio)), "1", "SymPy", **extra)
        program = self.compiled({"value": self.scene.concrete(ratio)})
        exact = exactly(lambda a: a.run(program, point.env(a))["value"])
        if exact is not None and self._refutes(exact.value, found, point):
            extra["observable"] = f"exact over claimed leading term as {self.small} -> 0"
            return witness(at, "limit", None, exact.value, 1, exact.confirmed_by, **extra)
        if ratio == 1 and found.then is not None and found.order < claim.order:
            rest = self._exact(found.then, point)
            if rest is not None and rest != 0:
                extra["observable"] = f"coefficient of {self.small}^{found.order} in the quantity over its leading term"
                return witness(at, "limit", None, rest, 0, "fraction", **extra)
        return None

    def _refutes(self, ratio: Any, found: Leading, point: Point) -> bool:
        """Whether a ratio is certainly not 1; 0 counts only if nothing is left of the quantity."""
        return compare(ratio, 1) in (-1, 1) and (compare(ratio, 0) in (-1, 1) or self._nothing_is_left(found, point))

    def _nothing_is_left(self, found: Leading, point: Point) -> bool:
        """Whether the quantity vanishes exactly, the claimed term does not."""
        return found.term == 0 and found.order is sp.oo and self._nonzero(self.claim.leading, point)

    def _away_from_one(self, ratio: sp.Expr, point: Point) -> bool:
        """Whether a ratio that depends on the small parameter does not tend to 1: a claim may hold further terms."""
        ends = []
        for part in sp.fraction(sp.together(ratio)):
            terms = [sp.Mul(c).as_coeff_exponent(self.small) for c in sp.Add.make_args(sp.expand(part))]
            if any(c.has(self.small) for c, _ in terms) or not all(e.is_Rational for _, e in terms):
                return False
            least = min(e for _, e in terms)
            ends.append((least, sp.Add(*(c for c, e in terms if e == least))))
        (power, above), (other, below) = ends
        if not self._nonzero(above, point) or not self._nonzero(below, point):
            return False
        return power != other or self._exact(above / below, point) not in (None, 1)

    def _exact(self, e: sp.Expr, point: Point) -> Any:
        """The value of a formula at a point, as a fraction, or None."""
        program = self.compiled({"value": self.scene.concrete(e)})
        found = exactly(lambda a: a.run(program, point.env(a))["value"], balls=False)
        return None if found is None else found.value

    def _nonzero(self, e: sp.Expr, point: Point) -> bool:
        value = self._exact(e, point)
        return value is not None and value != 0


def _known(theorem: Theorem) -> tuple[Leading, sp.Expr] | None:
    found = exact_leading_term(theorem)
    if isinstance(found, str):
        return None
    try:
        return found, ratio_of(found, theorem)
    except Unknown:
        return None


def line(x: Array, y: Array) -> tuple[float, float]:
    """The slope of the least-squares line and twice its standard error."""
    x, y = x - x.mean(), y - y.mean()
    weight = float((x * x).sum()) or 1.0
    slope = float((x * y).sum()) / weight
    rest = float(((y - slope * x) ** 2).sum())
    return slope, 2 * float(np.sqrt(rest / max(len(x) - 2, 1) / weight))
