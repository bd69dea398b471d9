"""Judges: how a kind of claim is measured on a batch of instances, and decided exactly on one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Arithmetic, Coordinates, Program, Symbolic, lower_all
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._exact import text
from sam_theory.engines._search._instances import Batch, Point, describe
from sam_theory.engines._search._moved import Moved, moved_by_machine_code
from sam_theory.engines._search._parameters import Array, column
from sam_theory.engines._search._setting import Scene
from sam_theory.theorems import Theorem
from sam_theory.verdicts import Witness

__all__ = ["INVALID", "TOLERANCE", "Judge", "column", "scale_terms", "witness"]

#: Relative size below which a violation is taken for rounding.
TOLERANCE = 1e-9
INVALID = -np.inf
#: Ratios that differ by no more are equal up to rounding.
_SAME = 1e-9


class Judge(ABC):
    """One kind of claim in one scene.

    ``violation`` is normalised: above ``tolerance`` the claim seems to fail.  Only ``confirm`` refutes.
    """

    uses_start: ClassVar[bool] = True
    tolerance: float = TOLERANCE
    climbs: bool = True
    #: whether instances at the edge of the hypotheses are tried too
    at_boundaries: ClassVar[bool] = True
    #: whether ``confirm`` itself takes into account which starts the statement speaks of
    decides_starts: ClassVar[bool] = False
    #: how many suspicious points are confirmed, as a multiple of the budget, to report the simplest witness
    patience: ClassVar[int] = 1
    #: whether instances of simple rationals are moved, so that they must be made simple again
    shrinks_simple: ClassVar[bool] = False

    def __init__(self, scene: Scene, budget: Budget) -> None:
        self.scene = scene
        self.budget = budget
        self.claim: Any = scene.claim
        self.evaluations = 0
        self.tightness: float | None = None
        self._tightest: tuple[Batch, int] | None = None
        self._machines: dict[int, Moved | None] = {}

    def moved(self, steps: int, trajectories: int = 0) -> Moved | None:
        """How trajectories of so many steps are moved on by machine code, where the budget makes it worth while."""
        if steps not in self._machines:
            calls = 2 * (2 + (self.budget.climbs if self.climbs else 0))  # a second look at what is suspicious
            size = trajectories or self.budget.samples
            self._machines[steps] = moved_by_machine_code(self.scene, self.budget, steps, size, calls)
        return self._machines[steps]

    @property
    def machine_code(self) -> bool:
        """Whether machine code has moved trajectories."""
        return any(m is not None for m in self._machines.values())

    @property
    def theorem(self) -> Theorem:
        """The statement."""
        return self.scene.theorem

    def prepare(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Move instances to where the claim can fail."""
        return batch

    @abstractmethod
    def violation(self, batch: Batch) -> Array:
        """The normalised violation of each row; −inf where the claim says nothing."""

    @abstractmethod
    def confirm(self, point: Point) -> Witness | None:
        """A witness if the claim fails at ``point`` in exact arithmetic."""

    def violated(self, arithmetic: Arithmetic, point: Point, start: Any, step: int | None) -> bool:
        """Whether the claim certainly fails at ``step`` of every orbit that begins in ``start``, a vector of balls.

        False where this kind of claim cannot tell: then nothing is refuted.
        """
        return False

    def rechecked(self, point: Point) -> float | None:
        """The violation at ``point`` without rounding, where that can be had."""
        return None

    def extra(self, rng: np.random.Generator) -> list[Point]:
        """Further suspicious points that this kind of claim has an own way to find."""
        return []

    @classmethod
    def sufficient(cls, judges: Sequence[Any]) -> bool:
        """Whether enough was measured to speak of support."""
        return True

    @classmethod
    def summary(cls, judges: Sequence[Any]) -> str:
        """What else should be known of the measurements of several scenes."""
        return ""

    def saw(self, ratio: Array, batch: Batch) -> None:
        """Remember the largest ratio of the two sides of a bound, and the instance that has it."""
        finite = np.where(np.isfinite(ratio), ratio, -np.inf)
        top = finite.max(initial=-np.inf)
        if not np.isfinite(top) or (self.tightness is not None and top <= self.tightness):
            return
        i = int(np.argmax(finite >= top - _SAME))  # the first of equals: simple instances come first
        if self.tightness is None or top > self.tightness + _SAME:
            self._tightest = batch, i
        self.tightness = float(top)

    @property
    def tightest(self) -> str:
        """Where the bound was nearest to being attained."""
        return "" if self._tightest is None else describe(*self._tightest)

    def slack(self, point: Point, steps: int) -> Any:
        """Right side minus left side of a bound at ``point``, after ``steps`` steps, exactly; None if unknown."""
        return None

    def compiled(self, formulas: dict[str, Any]) -> Program:
        """Formulas of the claim as one program."""
        return lower_all(formulas)


def scale_terms(*sides: Any) -> list[Any]:
    """The terms whose sizes tell how large a difference rounding can cause."""
    terms = [a for side in sides for a in sp.Add.make_args(side)]
    return list(dict.fromkeys(terms))


def witness(
    point: Point, form: str, step: int | None, observed: Any, bound: Any, confirmed_by: str, **extra: str
) -> Witness:
    """A confirmed witness at ``point``."""
    scene = point.scene
    loss = "" if scene.loss is None else scene.loss.name
    if scene.family is not None:
        extra["member"] = scene.family.name
    if scene.fixed:
        extra["link"] = scene.name
    params = {k: text(v) for k, v in point.values.items()}
    explicit = None if scene.family is None else _member_text(point)
    if explicit is not None:
        loss = explicit
        params = {k: v for k, v in params.items() if not k.startswith("m_")}
    params |= {s.name: str(v) for s, v in (scene.fixed or {}).items()}
    start = tuple(text(c) for c in point.start)
    exact = _chosen(point, step)
    return Witness(form, loss, params, start, step, _shown(observed), _shown(bound), confirmed_by, extra, exact)


def _chosen(point: Point, step: int | None) -> dict[str, Any]:
    """What was chosen, in full length; nothing where the scene fixes symbols or an opaque link."""
    scene = point.scene
    if scene.fixed or scene.link is not None:
        return {}
    own = {s.name for s in scene.theorem.symbols}
    numbers = {k: str(v) for k, v in sorted(point.values.items()) if k not in own}
    member = None if scene.family is None else {"family": scene.family.name, "numbers": numbers}
    params = {k: str(v) for k, v in sorted(point.values.items()) if k in own}
    return {"params": params, "member": member, "data": None, "start": [str(c) for c in point.start], "step": step}


def _shown(a: Any) -> str:
    return a if isinstance(a, str) else text(Fraction(a) if isinstance(a, int) else a)


def _member_text(point: Point) -> str | None:
    """The member as a formula of its coordinates, where that is short."""
    scene = point.scene
    if scene.loss is None or scene.family is None or not scene.rational:
        return None
    shift: tuple[str, ...] = getattr(scene.loss, "shift", ())
    if len(scene.family.inputs) - len(shift) > 2:
        return None
    symbolic = Symbolic()
    w = Coordinates(sp.symbols(f"w1:{scene.dimension + 1}", real=True))
    env = point.env(symbolic)
    e = sp.expand(symbolic.value(getattr(scene.loss, "member", scene.loss), w, env))
    return str(e.xreplace({x: x - env[name] for x, name in zip(w, shift, strict=False)}))
