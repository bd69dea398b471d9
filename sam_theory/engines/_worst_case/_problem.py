r"""A step of a rule over a function class as a semidefinite problem, in exact numbers.

The unknown function enters through its points: vectors are combinations of labels (:class:`Gram`), the Gram matrix
of the labels and the values at the points are the variables, and the interpolation conditions of the class are
linear in them.  In any dimension at least the number of labels the problem is exact, not a relaxation
(Taylor, Hendrickx & Glineur 2017, arXiv 1502.05666).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Gram, Span, as_fraction
from sam_theory.dynamics import Map
from sam_theory.errors import InputError, nearest
from sam_theory.losses import FunctionClass
from sam_theory.rules import Rule

__all__ = ["METRICS", "Form", "Problem", "build"]

#: What is measured before and after: L − L*, or ‖w − w*‖².
METRICS = ("gap", "distance")


@dataclass(frozen=True)
class Form:
    """A linear form of Gram matrix and values: ``gram[a, b]`` (a before b) multiplies ⟨a,b⟩, once for the pair."""

    gram: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    values: Mapping[str, Fraction] = field(default_factory=dict)

    def on(
        self, gram: Mapping[tuple[str, str], Fraction], values: Mapping[str, Fraction], quadratic_only: bool = False
    ) -> Fraction:
        """The form at a Gram matrix (both orders of each pair) and values."""
        total = sum((c * gram[pair] for pair, c in self.gram.items()), Fraction(0))
        linear = {} if quadratic_only else self.values
        return total + sum((c * values[v] for v, c in linear.items()), Fraction(0))

    def matrix(self, labels: tuple[str, ...]) -> list[list[Fraction]]:
        """The symmetric matrix M with ⟨M, Gram⟩ equal to the quadratic part."""
        place = {a: i for i, a in enumerate(labels)}
        rows = [[Fraction(0)] * len(labels) for _ in labels]
        for (a, b), c in self.gram.items():
            i, j = place[a], place[b]
            rows[i][j] += c / 2
            rows[j][i] += c / 2
        return rows


@dataclass(frozen=True)
class Problem:
    """Maximise ``final`` under ``initial`` ≤ ``level``, all slacks ≥ 0 and, if given, ``fixed`` = γ².

    ``slacks`` maps (lemma, point, point) to larger − smaller of an interpolation condition.
    """

    rule: str
    cls: FunctionClass
    parameters: Mapping[str, Fraction]
    steps: int
    metrics: tuple[str, str]
    labels: tuple[str, ...]
    values: tuple[str, ...]
    slacks: Mapping[tuple[str, str, str], Form]
    initial: Form
    final: Form
    level: Fraction
    fixed: Form | None = None
    gradient_norm: Fraction | None = None
    points: Mapping[str, Mapping[str, Fraction]] = field(default_factory=dict)

    def extremes(self) -> list[tuple[list[Fraction], Fraction | None]]:
        """For the members ½λw², λ = α and β, from w = 1: the labels as numbers, and final over initial metric.

        The ratio is None where the initial metric vanishes, or where a norm is fixed.
        """
        found = []
        for lam in dict.fromkeys((as_fraction(self.cls.alpha), as_fraction(self.cls.beta))):
            known = {"w": Fraction(1)}
            place: dict[str, Fraction] = {}
            for name, at in self.points.items():
                place[name] = sum((c * known[a] for a, c in at.items()), Fraction(0))
                known[f"g({name})"] = lam * place[name]
            values = {f"L({name})": lam * x**2 / 2 for name, x in place.items()}
            gram = {(a, b): known[a] * known[b] for a in known for b in known}
            before, after = (f.on(gram, values) for f in (self.initial, self.final))
            ratio = self.level * after / before if before and self.fixed is None else None
            found.append(([known[a] for a in self.labels], ratio))
        return found


class _Linear(Gram):
    """Gram form in which the vector that a rule normalises has a given norm, so that the rule is linear."""

    def __init__(self, norm: Fraction | None) -> None:
        super().__init__()
        self.given = norm
        self.normed: Span | None = None

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        if self.given is None:
            raise InputError("the rule normalises a gradient; fix its norm: gradient_norm='1/2'")
        if self.normed is not None and self.normed.key() != v.key():
            raise InputError("the rule normalises several vectors; only one norm can be fixed")
        self.normed = v
        return v / self.regularised(_number(self.given), eps, normalisation)

    def norm(self, v: Any) -> Any:
        raise InputError("the rule uses a norm, which is not linear in gradients; worst cases need a linear rule")

    def dot(self, u: Any, v: Any) -> Any:
        raise InputError("the rule uses inner products, which is not linear; worst cases need a linear rule")


def build(
    rule: Rule,
    cls: FunctionClass,
    parameters: Mapping[str, Any],
    *,
    initial: str,
    final: str,
    steps: int = 1,
    gradient_norm: Any = None,
    level: Any = 1,
) -> Problem:
    """The problem of ``steps`` steps of ``rule`` over ``cls`` at exact ``parameters``.

    Raises InputError for a rule that is not linear in gradients, a class without interpolation conditions,
    missing or inexact parameters, unknown metrics.
    """
    for metric in (initial, final):
        if metric not in METRICS:
            raise InputError(f"unknown metric '{metric}'; {nearest(metric, METRICS)}")
    if steps < 1:
        raise InputError(f"{steps} steps; give at least one")
    numbers = {name: _exact(name, value) for name, value in parameters.items()}
    cls = _numeric(cls, numbers)
    if rule.state != ("w",) or rule.noise or rule.uses_step_number:
        raise InputError(f"the rule '{rule.name}' has memory, noise or a schedule; worst cases need one fixed map of w")
    missing = [n for n in rule.parameters if n not in numbers]
    if missing:
        raise InputError(f"no value for '{missing[0]}'; give it among the parameters, as a rational")
    norm = None if gradient_norm is None else _exact("gradient_norm", gradient_norm)
    if norm is not None and (norm <= 0 or steps > 1):
        raise InputError("a fixed gradient norm must be positive, and fixes one step only")
    gram = _Linear(norm)
    gram.minimiser("w_star", at_origin=True)
    w = at = gram.vector("w")
    env = {n: _number(numbers[n]) for n in rule.parameters}
    for _ in range(steps):
        at = Map(rule, cls).step(gram, {"w": at}, env)["w"]
    gram.name_point(at, "w_next")
    visited = [at, *(p.at for p in gram.points if p.name != "w_star")]
    if any(v.terms.get("w") != 1 for v in visited) or (gram.normed is not None and "w" in gram.normed.terms):
        raise InputError(
            f"the rule '{rule.name}' does not commute with translations; worst cases put the minimiser at the origin"
        )
    if norm is not None and gram.normed is None:
        raise InputError(f"the rule '{rule.name}' normalises nothing; leave gradient_norm out")
    before, after = _metric(gram, w, initial), _metric(gram, at, final)
    facts = cls.interpolation(gram.points)
    if facts is None:
        raise InputError(f"no interpolation conditions are known for {cls.name}")
    values = tuple(str(p.value) for p in gram.points if p.value.is_Symbol)
    reader = _Reader(gram, values)
    slacks = {
        (f.name, first, second): reader.form(f.relation.rhs - f.relation.lhs)
        for f in facts
        for first, second in (f.points,)
    }
    return Problem(
        rule.name,
        cls,
        numbers,
        steps,
        (initial, final),
        tuple(gram.labels),
        values,
        slacks,
        reader.form(before),
        reader.form(after),
        _exact("level", level),
        None if gram.normed is None else reader.form(Gram.dot(gram, gram.normed, gram.normed)),
        norm,
        {p.name: {a: as_fraction(c) for a, c in p.at.terms.items()} for p in gram.points},
    )


def _number(value: Fraction) -> sp.Rational:
    return sp.Rational(value.numerator, value.denominator)


def _exact(name: str, value: Any) -> Fraction:
    if isinstance(value, float):
        raise InputError(f"{name} is the float {value}; write a rational such as '1/10'")
    try:
        return Fraction(value) if isinstance(value, str) else as_fraction(value)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{name} is '{value}', which is not a rational number") from None


def _numeric(cls: FunctionClass, numbers: Mapping[str, Fraction]) -> FunctionClass:
    """The class with numbers for its constants."""
    if cls.dimension is not None:
        raise InputError(f"{cls.name}: worst cases are over every dimension; leave the dimension out")
    if not cls.class_symbols:
        return cls
    missing = [s.name for s in cls.class_symbols if s.name not in numbers]
    if missing:
        raise InputError(f"no value for '{missing[0]}'; give it among the parameters, as a rational")
    given = {s: _number(numbers[s.name]) for s in cls.class_symbols}
    return type(cls)(*(getattr(cls, name).xreplace(given) for name in cls.constants))


def _metric(gram: Gram, at: Span, metric: str) -> sp.Expr:
    if metric == "gap":
        return gram.point(at).value  # L* = 0 at the origin
    return sp.expand(Gram.dot(gram, at, at))


class _Reader:
    """Reads linear forms off expanded expressions in Gram symbols."""

    def __init__(self, gram: Gram, values: tuple[str, ...]) -> None:
        self.values = set(values)
        self.pairs = {gram.entry(a, b): (a, b) for a, b in _pairs(gram.labels)}

    def form(self, e: sp.Expr) -> Form:
        pairs: dict[tuple[str, str], Fraction] = {}
        values: dict[str, Fraction] = {}
        for term, c in sp.expand(e).as_coefficients_dict().items():
            if term in self.pairs and c.is_Rational:
                pairs[self.pairs[term]] = as_fraction(c)
            elif str(term) in self.values and c.is_Rational:
                values[str(term)] = as_fraction(c)
            elif c != 0:
                raise InputError(f"{c * term} is not linear in the Gram matrix and the values")
        return Form(pairs, values)


def _pairs(labels: list[str]) -> Iterator[tuple[str, str]]:
    yield from ((a, b) for i, a in enumerate(labels) for b in labels[i:])
