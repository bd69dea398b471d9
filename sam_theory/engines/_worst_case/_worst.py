"""The worst case of a rule over a function class: a number, a certificate, a worst instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sam_theory.dynamics import Map
from sam_theory.engines._worst_case import _solve
from sam_theory.engines._worst_case._certificate import as_certificate
from sam_theory.engines._worst_case._instance import data_above
from sam_theory.engines._worst_case._problem import METRICS, Problem, build
from sam_theory.engines._worst_case._round import round_dual, round_to
from sam_theory.errors import InputError, nearest
from sam_theory.losses import FunctionClass
from sam_theory.rules import Rule
from sam_theory.theorems import InterpolationData

__all__ = ["WorstCase", "worst_case"]

_MEASURES = {"gap": "L - L*", "distance": "|w - w*|^2"}


@dataclass(frozen=True)
class WorstCase:
    """What was found about the largest value of the final metric.

    Parameters
    ----------
    value : float or None
        The solver's optimum; None where it found none.
    certified : Fraction or None
        An exact upper bound with a certificate; None where every rounding failed, and then nothing is certified.
    certificate : dict or None
        Plain data (texts of rationals) for an independent check.
    how : str
        How the multipliers became rational, or why not.
    status : str
        The solver's own words.
    problem : Problem
        The semidefinite problem.

    Examples
    --------
    >>> from sam_theory import StronglyConvex, gd
    >>> found = worst_case(gd, StronglyConvex(1, 4), {"eta": "1/4"})  # doctest: +SKIP
    >>> found.certified  # doctest: +SKIP
    Fraction(9, 16)
    """

    value: float | None
    certified: Fraction | None
    certificate: dict[str, Any] | None
    how: str
    status: str
    problem: Problem = field(repr=False)
    gram: tuple[tuple[float, ...], ...] = field(default=(), repr=False)

    def data(self, bound: Any) -> InterpolationData | None:
        """Exact interpolation data of a member on which the step exceeds ``bound`` times the initial metric.

        None where none was found, or where a norm is fixed.  A theorem takes them as ``candidate``, and the search
        engine confirms them.
        """
        return data_above(self.problem, self.gram, Fraction(bound)) if self.gram else None

    @property
    def excess(self) -> float | None:
        """By how much the certified bound exceeds the solver's value, absolutely."""
        return None if self.certified is None or self.value is None else float(self.certified) - self.value

    @property
    def verdict(self) -> str:
        """``certified`` with a certificate, ``supported`` with a solver's number alone, else ``undecided``."""
        return "certified" if self.certified is not None else "supported" if self.value is not None else "undecided"

    def text(self) -> str:
        """One paragraph: the problem, the number, the certificate or why there is none."""
        p = self.problem
        where = ", ".join(f"{n} = {v}" for n, v in sorted(p.parameters.items()))
        norm = "" if p.gradient_norm is None else f", |g| = {p.gradient_norm}"
        before, after = (_MEASURES[m] for m in p.metrics)
        head = f"{p.rule} on {p.cls.name}, {where}{norm}: largest {after} after {p.steps} step(s) from {before}"
        head += f" <= {p.level}"
        if self.value is None:
            return f"{head}: no value ({self.status})"
        if self.certified is None:
            return f"{head}: {self.value:.10g} by the solver alone ({self.how})"
        return f"{head}: {self.value:.10g}, certified <= {_shown(self.certified)} ({self.how})"


def worst_case(
    rule: Rule | Map,
    cls: FunctionClass | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    metric: str = "gap",
    initial: str | None = None,
    steps: int = 1,
    gradient_norm: Any = None,
    level: Any = 1,
    bound: Any = None,
    certify: bool = True,
) -> WorstCase:
    r"""The worst case of ``steps`` steps over all members of a class with a minimiser, in every dimension.

    .. math:: \sup\{\,m(w_N) : m_0(w_0)\le\text{level},\ L\in\text{class}\,\}

    as a performance-estimation problem (Drori & Teboulle 2014; Taylor, Hendrickx & Glineur 2017), built from the
    traced rule; its dual multipliers are rounded to rationals and verified exactly.

    Parameters
    ----------
    rule : Rule or Map
        Linear in gradients: ``gd``, ``usam``; ``sam`` with a ``gradient_norm``.  A Map carries its class.
    cls : StronglyConvex or ConvexSmooth
        Constants exact numbers, or symbols that ``parameters`` gives values to.
    parameters : mapping of str to int, Fraction or text
        Exact; [η] = 1/[λ].
    metric, initial : {"gap", "distance"}
        L − L* or ‖w − w*‖²; ``initial`` is the same as ``metric`` by default.
    steps : int
    gradient_norm : exact number, optional
        γ, the norm of the vector that the rule normalises; for one step.
    level : exact number
        The bound on the initial metric; without ``gradient_norm`` the problem is homogeneous, and 1 means a ratio.
    bound : exact number, optional
        Certify exactly this bound instead of the least one.

    certify : bool
        False: the solver's number alone.

    Returns
    -------
    WorstCase

    Raises
    ------
    InputError
        For a rule that is not linear, floats, missing parameters, a class without interpolation conditions, or where
        the solver is not installed.

    Source
    ------
    Taylor, Hendrickx & Glineur, Math. Program. 161 (2017), arXiv 1502.05666.

    Examples
    --------
    >>> from sam_theory import StronglyConvex, usam
    >>> found = worst_case(
    ...     usam, StronglyConvex(1, 4), {"eta": "1/8", "rho": "1/8"}, metric="distance"
    ... )  # doctest: +SKIP
    >>> found.certified == (1 - Fraction(1, 8) * (1 + Fraction(1, 8))) ** 2  # doctest: +SKIP
    True
    """
    if isinstance(rule, Map):
        if not isinstance(rule.loss, FunctionClass):
            raise InputError(f"{rule.loss.name} is one loss; worst cases are over a class such as StronglyConvex")
        return worst_case(
            rule.rule, rule.loss, parameters,
            metric=metric, initial=initial, steps=steps, gradient_norm=gradient_norm, level=level, bound=bound,
            certify=certify,
        )  # fmt: skip
    if not isinstance(cls, FunctionClass):
        raise InputError("no function class; give one such as StronglyConvex('1/10', 1)")
    if metric not in METRICS:
        raise InputError(f"unknown metric '{metric}'; {nearest(metric, METRICS)}")
    problem = build(
        rule, cls, parameters or {},
        initial=initial or metric, final=metric, steps=steps, gradient_norm=gradient_norm, level=level,
    )  # fmt: skip
    if not _solve.available():
        raise InputError(_solve.MISSING)
    dual = _solve.dual_of(problem)
    solved = _solve.minimise(dual)
    if not solved.good:
        reason = "no member of the class satisfies the constraints, or no bound exists"
        return WorstCase(None, None, None, reason, solved.status, problem)
    hints = problem.extremes()
    gram = tuple(tuple(float(e) for e in row) for row in solved.gram)
    if not certify:
        return WorstCase(solved.value, None, None, "no certificate was asked for", solved.status, problem, gram)
    if bound is None:
        rounded = round_dual(dual, solved, hints)
    else:
        rounded = round_to(dual, solved, Fraction(bound), hints)
    if rounded is None:
        return WorstCase(
            solved.value, None, None, "no rounding of the multipliers is a proof", solved.status, problem, gram
        )
    certificate = as_certificate(rule, problem, dual, rounded)
    return WorstCase(solved.value, rounded.bound, certificate, rounded.how, solved.status, problem, gram)


def _shown(value: Fraction) -> str:
    return str(value) if len(str(value)) <= 40 else f"{float(value):.12g} (a fraction of {len(str(value))} characters)"
