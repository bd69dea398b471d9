"""Identities and inequalities: one step, at every admissible state and parameter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Arithmetic, Float64, Program
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._exact import compare, exactly, satisfied
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import INVALID, TOLERANCE, Judge, column, scale_terms, witness
from sam_theory.engines._search._parameters import Array, excess
from sam_theory.engines._search._setting import Scene
from sam_theory.theorems import Identity
from sam_theory.verdicts import Witness

__all__ = ["Pointwise"]

_TIE = 1e-13


class Pointwise(Judge):
    """The violation is lhs − rhs (its modulus for an identity) over the sum of the moduli of their terms."""

    patience = 4

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        claim = self.claim
        self.identity = isinstance(claim, Identity)
        # Rounding is subtracted already where equality counts.
        self.tolerance = 0.0 if self.identity or claim.strict else TOLERANCE
        self.given = claim.given
        self.formulas: dict[str, Any] = {"lhs": claim.lhs, "rhs": claim.rhs}
        for i, g in enumerate(self.given):
            self.formulas |= {f"gl{i}": g.lhs, f"gr{i}": g.rhs}
        self.terms = {f"t{i}": e for i, e in enumerate(scale_terms(claim.lhs, claim.rhs))}
        self.program = self.compiled(self.formulas)
        self.steps = any(n.endswith("_next") for n in self.program.inputs)

    @cached_property
    def float_program(self) -> Program:
        """The formulas and the terms of both sides."""
        return self.compiled(self.formulas | self.terms)

    def evaluate(self, arithmetic: Arithmetic, program: Any, values: dict[str, Any], w: Any) -> dict[str, Any]:
        scene = self.scene
        if scene.loss is None:
            return arithmetic.run(program, values)
        state = scene.state(arithmetic, w)
        image = scene.step(arithmetic, values, state, None) if self.steps else None
        here, after = scene.iterate(state), None if image is None else scene.iterate(image)
        env = scene.environment(arithmetic, values, here, after, w_start=here)
        env |= scene.further(state) | scene.further(image, "_next")
        return arithmetic.run(program, env, scene.loss)

    def violation(self, batch: Batch) -> Array:
        n = batch.size
        self.evaluations += n
        with np.errstate(all="ignore"):
            r = {
                k: column(v, n)
                for k, v in self.evaluate(Float64(), self.float_program, batch.env(), batch.start).items()
            }
            gap = r["lhs"] - r["rhs"]
            scale = sum((np.abs(r[t]) for t in self.terms), np.zeros(n))
            gap = np.where(scale > 0, gap / np.where(scale > 0, scale, 1.0), gap)
            valid = np.isfinite(gap) & np.isfinite(scale)
            for i, g in enumerate(self.given):
                left, right = r[f"gl{i}"], r[f"gr{i}"]
                valid &= excess(g, left, right) == 0
                if isinstance(g, (sp.StrictLessThan, sp.StrictGreaterThan)):  # a tie in floats is no strict relation
                    valid &= np.abs(left - right) > _TIE * (np.abs(left) + np.abs(right))
            if not self.identity:
                usable = valid & (r["rhs"] > 0)
                self.saw(np.where(usable, r["lhs"] / np.where(usable, r["rhs"], 1.0), -np.inf), batch)
        violation = np.abs(gap) - TOLERANCE if self.identity else gap
        if not self.identity and self.claim.strict:
            violation = violation + TOLERANCE
        return np.where(valid, violation, INVALID)

    def rechecked(self, point: Point) -> float | None:
        found = exactly(lambda a: self.evaluate(a, self.float_program, point.env(a), point.vector(a)))
        if found is None:
            return None
        r = found.value
        scale = float(sum(abs(r[t]) for t in self.terms))
        gap = float(r["lhs"] - r["rhs"]) / (scale or 1.0)
        return abs(gap) - TOLERANCE if self.identity else gap

    def holds(self, r: Mapping[str, Any]) -> bool | None:
        """Whether the claim holds for exact values of its formulas; None where it says nothing or balls overlap."""
        if not all(satisfied(g, compare(r[f"gl{i}"], r[f"gr{i}"])) for i, g in enumerate(self.given)):
            return None
        order = compare(r["lhs"], r["rhs"])
        if order is None:
            return None
        return order == 0 if self.identity else order < 0 if self.claim.strict else order <= 0

    def slack(self, point: Point, steps: int) -> Any:
        found = exactly(lambda a: self.evaluate(a, self.program, point.env(a), point.vector(a)))
        return None if found is None else found.value["rhs"] - found.value["lhs"]

    def violated(self, arithmetic: Arithmetic, point: Point, start: Any, step: int | None) -> bool:
        return self.holds(self.evaluate(arithmetic, self.program, point.env(arithmetic), start)) is False

    def confirm(self, point: Point) -> Witness | None:
        found = None
        if point.scene.rational or point.scene.family is None:
            found = exactly(lambda a: self.evaluate(a, self.program, point.env(a), point.vector(a)))
        if found is None:
            return None
        r = found.value
        if self.holds(r) is not False:
            return None
        relation = "≠" if self.identity else "≥" if self.claim.strict else ">"
        extra = {"observable": str(self.claim.lhs), "relation": relation}
        step = 1 if self.steps else None
        return witness(point, "point", step, r["lhs"], r["rhs"], found.confirmed_by, **extra)
