r"""Checks the dual certificate of a worst case, from plain data and the rule alone.

The data claim, for every member of a class with a minimiser w* = 0, L* = 0,

    τ·initial + μ·‖v‖² − final = Σ λ·slack + ⟨M, Gram⟩,     λ ≥ 0, τ ≥ 0, M ⪰ 0,

where v is the vector that the rule normalises (its norm is given), and slack ≥ 0 are interpolation conditions of
the class.  Hence final ≤ τ·level + μ·γ² wherever initial ≤ level.  Everything is rebuilt here: the rule's function
runs on linear combinations of labels with fractions as coefficients; no arithmetic or engine of the package is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sam_theory.checker._numbers import fraction_of
from sam_theory.checker._rejected import Rejected
from sam_theory.rules import RULES

__all__ = ["verify_dual"]


class _Vector:
    """A linear combination of labels."""

    def __init__(self, terms: Mapping[str, Fraction]) -> None:
        self.terms = {a: c for a, c in terms.items() if c}

    def __add__(self, other: _Vector) -> _Vector:
        zero = Fraction(0)
        return _Vector({a: self.terms.get(a, zero) + other.terms.get(a, zero) for a in {**self.terms, **other.terms}})

    def __sub__(self, other: _Vector) -> _Vector:
        return self + other * Fraction(-1)

    def __neg__(self) -> _Vector:
        return self * Fraction(-1)

    def __mul__(self, scalar: Fraction | int) -> _Vector:
        if not isinstance(scalar, (Fraction, int)):
            raise Rejected("the rule multiplies a vector by something that is no number")
        return _Vector({a: c * scalar for a, c in self.terms.items()})

    __rmul__ = __mul__

    def __truediv__(self, scalar: Fraction | int) -> _Vector:
        return self * (1 / Fraction(scalar))


class _Form:
    """A quadratic form in the labels plus a linear form in the values of L."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str], Fraction] = {}
        self.values: dict[str, Fraction] = {}

    def add(self, other: _Form, factor: Fraction) -> None:
        """Add factor·other."""
        for pair, c in other.pairs.items():
            self.pairs[pair] = self.pairs.get(pair, Fraction(0)) + factor * c
        for name, c in other.values.items():
            self.values[name] = self.values.get(name, Fraction(0)) + factor * c

    def inner(self, u: _Vector, v: _Vector, factor: Fraction) -> _Form:
        """Add factor·⟨u,v⟩."""
        for a, c in u.terms.items():
            for b, d in v.terms.items():
                key = (a, b) if a <= b else (b, a)
                self.pairs[key] = self.pairs.get(key, Fraction(0)) + factor * c * d
        return self

    def value(self, name: str | None, factor: Fraction) -> _Form:
        """Add factor·L(name); the minimiser has value 0."""
        if name is not None:
            self.values[name] = self.values.get(name, Fraction(0)) + factor
        return self


@dataclass
class _Evaluation:
    at: _Vector
    gradient: _Vector
    value: str | None


class _Space:
    """What a rule may ask for: gradients are fresh labels, one vector may be normalised by a given norm."""

    def __init__(self, norm: Fraction | None) -> None:
        self.given = norm
        self.normed: _Vector | None = None
        self.labels = ["w"]
        self.points: dict[str, _Evaluation] = {"w_star": _Evaluation(_Vector({}), _Vector({}), None)}

    def evaluate(self, v: _Vector, name: str | None = None) -> _Evaluation:
        for p in self.points.values():
            if p.at.terms == v.terms:
                return p
        if v.terms == {"w": 1}:
            name = "w"
        if name is None:
            name = next(f"p{k}" for k in range(1, 99) if f"p{k}" not in self.points)
        self.labels.append(f"g({name})")
        self.points[name] = _Evaluation(v, _Vector({f"g({name})": Fraction(1)}), name)
        return self.points[name]

    def grad(self, v: _Vector) -> _Vector:
        _require(v.terms.get("w") == 1, "the rule asks for gradients where it does not move with the minimiser")
        return self.evaluate(v).gradient

    def unit(self, v: _Vector, eps: Fraction = Fraction(0), normalisation: str = "add") -> _Vector:
        if self.given is None or (self.normed is not None and self.normed.terms != v.terms):
            raise Rejected("the rule normalises a vector whose norm is not given")
        _require("w" not in v.terms, "the rule normalises a vector that depends on where the minimiser is")
        self.normed = v
        if eps == 0 or normalisation == "add":
            return v / (self.given + eps)
        if normalisation == "max":
            return v / max(self.given, eps)
        raise Rejected(f"the normalisation '{normalisation}' with eps is not rational")


# -- interpolation conditions: larger − smaller, each ≥ 0 -------------------------------------------------------
def _interpolation(a: _Evaluation, b: _Evaluation, alpha: Fraction, beta: Fraction) -> _Form:
    step, change, twice = b.at - a.at, b.gradient - a.gradient, 2 * (beta - alpha)
    form = _Form().value(b.value, twice).value(a.value, -twice).inner(a.gradient, step, -twice)
    form.inner(change, change, Fraction(-1)).inner(step, step, -alpha * beta)
    return form.inner(change, step, 2 * alpha)


def _descent(a: _Evaluation, b: _Evaluation, alpha: Fraction, beta: Fraction) -> _Form:
    step, one = b.at - a.at, Fraction(1)
    return _Form().value(a.value, one).value(b.value, -one).inner(a.gradient, step, one).inner(step, step, beta / 2)


def _convexity(a: _Evaluation, b: _Evaluation, alpha: Fraction, beta: Fraction) -> _Form:
    step, one = b.at - a.at, Fraction(1)
    return _Form().value(b.value, one).value(a.value, -one).inner(a.gradient, step, -one).inner(step, step, -alpha / 2)


_CONDITIONS: dict[str, Callable[[_Evaluation, _Evaluation, Fraction, Fraction], _Form]] = {
    "interpolation": _interpolation,
    "descent lemma": _descent,
    "strong convexity": _convexity,
}
_KEYS = {
    "kind", "schema", "rule", "options", "class", "constants", "parameters", "steps", "initial", "final", "level",
    "gradient_norm", "bound", "tau", "mu", "multipliers", "labels", "matrix",
}  # fmt: skip


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise Rejected(problem)


def verify_dual(data: Mapping[str, Any], rules: Mapping[str, Any] = RULES) -> Fraction:
    """The bound that ``data`` prove, all of it recomputed in fractions.

    Parameters
    ----------
    data : mapping
        As written by ``worst_case(...).certificate``: texts of rationals, JSON.
    rules : mapping of str to Rule
        Where the rule is looked up by name.

    Raises
    ------
    Rejected
        With the first thing that is wrong: an unknown word, a number that does not fit, a multiplier < 0, values of L
        that do not cancel, a matrix that is not the remainder or not positive semidefinite.
    """
    _require(set(data) == _KEYS, f"wrong entries: {', '.join(sorted(set(data) ^ _KEYS))}")
    _require(data["kind"] == "worst-case" and data["schema"] == 1, "not a certificate of a worst case, schema 1")
    alpha, beta = _constants(data)
    norm = None if data["gradient_norm"] is None else fraction_of(data["gradient_norm"])
    _require(norm is None or norm > 0, "a gradient norm must be positive")
    space, end = _run(data, rules, norm)
    remainder = _metric(space, _Vector({"w": Fraction(1)}), data["initial"], fraction_of(data["tau"]))
    _require(fraction_of(data["tau"]) >= 0, "tau is negative")
    remainder.add(_metric(space, end, data["final"], Fraction(1)), Fraction(-1))
    bound = fraction_of(data["tau"]) * fraction_of(data["level"])
    _require(fraction_of(data["level"]) > 0, "the level must be positive")
    _require((norm is None) == (data["mu"] is None), "mu belongs to a given norm")
    if norm is not None:
        _require(space.normed is not None, "a norm is given, but the rule normalises nothing")
        assert space.normed is not None
        remainder.inner(space.normed, space.normed, fraction_of(data["mu"]))
        bound += fraction_of(data["mu"]) * norm**2
    _require(bound == fraction_of(data["bound"]), f"tau and mu give the bound {bound}, not {data['bound']}")
    _subtract_slacks(data, space, remainder, alpha, beta)
    wrong = [name for name, c in remainder.values.items() if c != 0]
    _require(not wrong, f"the values of L do not cancel at {', '.join(wrong)}")
    _require(list(data["labels"]) == space.labels, f"the labels are {space.labels}")
    matrix = _matrix(space.labels, remainder)
    _require(len(data["matrix"]) == len(matrix), "the matrix has another size")
    for row, given in zip(matrix, data["matrix"], strict=True):
        _require([*map(fraction_of, given)] == row, "the matrix is not what remains")
    _require(_positive_semidefinite(matrix), "the matrix is not positive semidefinite")
    return bound


def _constants(data: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    names = {"StronglyConvex": {"alpha", "beta"}, "ConvexSmooth": {"beta"}}.get(data["class"])
    _require(names is not None, f"unknown class '{data['class']}'")
    _require(set(data["constants"]) == names, f"the constants of the class are {names}")
    beta = fraction_of(data["constants"]["beta"])
    alpha = fraction_of(data["constants"].get("alpha", "0"))
    strongly = data["class"] == "StronglyConvex"
    _require(beta > 0 and alpha <= beta and (alpha > 0 or not strongly), "the constants are those of no class")
    return alpha, beta


def _run(data: Mapping[str, Any], rules: Mapping[str, Any], norm: Fraction | None) -> tuple[_Space, _Vector]:
    _require(data["rule"] in rules, f"unknown rule '{data['rule']}'")
    rule = rules[data["rule"]]
    _require(rule.state == ("w",) and not rule.noise, "the rule has memory or noise")
    numbers = {name: fraction_of(v) for name, v in data["parameters"].items()}
    options = {n: v if n == "normalisation" else fraction_of(v) for n, v in data["options"].items()}
    steps = data["steps"]
    _require(isinstance(steps, int) and not isinstance(steps, bool) and steps >= 1, "the number of steps is wrong")
    _require(norm is None or steps == 1, "a given norm is that of one step")
    space, at = _Space(norm), _Vector({"w": Fraction(1)})
    try:
        for _ in range(steps):
            at = rule.function(space, at, **numbers, **options)
            # w* = 0 is no loss of generality only for a rule that commutes with translations
            if isinstance(at, _Vector):
                _require(at.terms.get("w") == 1, "the rule does not move with the minimiser")
    except (TypeError, AttributeError) as problem:
        raise Rejected(f"the rule does not run on linear combinations: {problem}") from None
    _require(isinstance(at, _Vector), "the rule returns no vector")
    return space, at


def _metric(space: _Space, at: _Vector, metric: str, factor: Fraction) -> _Form:
    if metric == "distance":
        return _Form().inner(at, at, factor)
    _require(metric == "gap", f"unknown metric '{metric}'")
    return _Form().value(space.evaluate(at, "w_next").value, factor)


def _subtract_slacks(data: Mapping[str, Any], space: _Space, remainder: _Form, alpha: Fraction, beta: Fraction) -> None:
    last = ("", "", "")
    for entry in data["multipliers"]:
        _require(set(entry) == {"lemma", "from", "to", "value"}, "a multiplier has other entries")
        key = (entry["lemma"], entry["from"], entry["to"])
        _require(all(isinstance(word, str) for word in key), "a multiplier is named by something that is no text")
        _require(key > last, f"the multiplier for {key} is not in the order of the conditions, or there are two")
        last = key
        known = key[0] in _CONDITIONS and key[1] in space.points and key[2] in space.points
        _require(known and key[1] != key[2], f"unknown condition {key}")
        value = fraction_of(entry["value"])
        _require(value > 0, f"the multiplier of {key} is {'0' if value == 0 else 'negative'}")
        a, b = space.points[key[1]], space.points[key[2]]
        remainder.add(_CONDITIONS[key[0]](a, b, alpha, beta), -value)


def _matrix(labels: list[str], form: _Form) -> list[list[Fraction]]:
    def entry(a: str, b: str) -> Fraction:
        c = form.pairs.get((a, b) if a <= b else (b, a), Fraction(0))
        return c if a == b else c / 2

    return [[entry(a, b) for b in labels] for a in labels]


def _positive_semidefinite(matrix: list[list[Fraction]]) -> bool:
    """LDLᵀ: every pivot ≥ 0, and a pivot 0 only above a column of zeros."""
    rest = [row[:] for row in matrix]
    while rest:
        head, *rows = rest
        if head[0] < 0 or (head[0] == 0 and any(head)):
            return False
        rest = [
            [e - (row[0] * h / head[0] if head[0] else 0) for e, h in zip(row[1:], head[1:], strict=True)]
            for row in rows
        ]
    return True
