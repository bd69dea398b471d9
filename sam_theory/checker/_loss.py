"""A loss in coordinates as a SymPy formula: its value is read off its definition, its gradient is derived here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.checker._rejected import Rejected

__all__ = ["Formula", "derivative", "formula_of", "without_extrema"]


@dataclass(frozen=True)
class Formula:
    """A value and its partial derivatives in the symbols of the coordinates."""

    coordinates: tuple[sp.Symbol, ...]
    value: Any
    gradient: tuple[Any, ...]

    def divisors_at(self, at: Sequence[Any]) -> list[Any]:
        """What the value divides by, at a point."""
        below = {p.base for p in self.value.atoms(sp.Pow) if p.exp.could_extract_minus_sign() and p.base.free_symbols}
        place = dict(zip(self.coordinates, at, strict=True))
        return [b.subs(place, simultaneous=True) for b in sorted(below, key=sp.default_sort_key)]

    def value_at(self, at: Sequence[Any]) -> Any:
        """The value at a point."""
        return self.value.subs(dict(zip(self.coordinates, at, strict=True)), simultaneous=True)

    def gradient_at(self, at: Sequence[Any]) -> list[Any]:
        """The gradient at a point."""
        place = dict(zip(self.coordinates, at, strict=True))
        return [g.subs(place, simultaneous=True) for g in self.gradient]


def formula_of(loss: Any, values: Mapping[str, Any], dimension: int) -> Formula:
    """The formula of a loss whose parameters have these values."""
    if loss.abstract:
        raise Rejected(f"{loss.name} has no formula in coordinates")
    names = tuple(sp.Symbol(f"at!{i}", real=True) for i in range(dimension))
    expression = getattr(loss, "expression", None)
    if expression is not None:
        own = {**values, **dict(zip(loss.variables, names, strict=True))}
        value = expression.subs({s: own.get(s.name, s) for s in expression.free_symbols}, simultaneous=True)
    else:
        value = _interpreted(loss.value_program, names, values)
    value = without_extrema(sp.sympify(value))
    return Formula(names, value, tuple(derivative(value, x) for x in names))


def without_extrema(e: Any) -> Any:
    """``e`` with minima and maxima written by absolute values, whose derivative is a sign."""

    def fold(sign: int) -> Any:
        def pairwise(first: Any, *rest: Any) -> Any:
            for b in rest:
                first = (first + b + sign * sp.Abs(first - b)) / 2
            return first

        return pairwise

    return e.replace(sp.Min, fold(-1)).replace(sp.Max, fold(1)) if hasattr(e, "replace") else e


def derivative(e: Any, x: Any, nested: bool = False) -> Any:
    """∂e/∂x with every sign taken as locally constant.

    A kink inside a kink is refused unless ``nested``: then no argument of a sign or an absolute value may vanish where
    the derivative is taken.  There an innermost sign is constant nearby, its argument being continuous, hence the
    arguments around it are continuous as well, and so on outwards.
    """
    inner = [a for a in e.atoms(sp.sign, sp.Abs) if a.args[0].has(sp.sign, sp.Abs)]
    if inner and not nested:
        raise Rejected(f"{e} has a kink inside a kink")
    plain = e.replace(sp.Abs, lambda f: sp.sign(f) * f)
    signs = {s: sp.Dummy(real=True) for s in plain.atoms(sp.sign)}
    found = sp.diff(plain.xreplace(signs), x)  # the outer of two signs is replaced as a whole
    if found.has(sp.Derivative, sp.Subs, sp.DiracDelta, sp.Heaviside):
        raise Rejected(f"{e} has no derivative in closed form")
    return found.xreplace({d: s for s, d in signs.items()})


def _interpreted(program: Any, at: Sequence[Any], values: Mapping[str, Any]) -> Any:
    """A straight-line program of the loss, run on SymPy scalars and tuples."""
    done: list[Any] = []
    for _, node in program:
        done.append(_operation(node.op, [done[i] for i in node.args], node.data, at, values))
    return done[dict(program.outputs)["result"]]


def _operation(op: str, a: list[Any], data: Any, at: Sequence[Any], values: Mapping[str, Any]) -> Any:
    vectors = [v for v in a if isinstance(v, tuple)]
    match op:
        case "number":
            return sp.Rational(data.numerator, data.denominator)
        case "input":
            if data != "w" and data not in values:
                raise Rejected(f"the loss needs a value of {data}")
            return tuple(at) if data == "w" else sp.sympify(values[data])
        case "add" | "sub" if vectors:
            sign = 1 if op == "add" else -1
            return tuple(x + sign * y for x, y in zip(*a, strict=True))
        case "neg" | "mul" | "div" if vectors:
            factor = -1 if op == "neg" else a[0] if op == "mul" else 1 / a[1]
            return tuple(factor * x for x in vectors[0])
        case "add" | "sub":
            return a[0] + a[1] if op == "add" else a[0] - a[1]
        case "neg":
            return -a[0]
        case "mul" | "div":
            return a[0] * a[1] if op == "mul" else a[0] / a[1]
        case "ipow" | "power":
            return a[0] ** (data if op == "ipow" else a[1])
        case "sqrt" | "abs" | "sign":
            return {"sqrt": sp.sqrt, "abs": sp.Abs, "sign": sp.sign}[op](a[0])
        case "select" if not vectors:
            return sp.Piecewise((a[2], a[0] < a[1] if data else a[0] <= a[1]), (a[3], True))
        case "call":
            function, order = data
            if isinstance(function, str):
                raise Rejected(f"the loss is defined by a program with {function}; no formula is known here")
            return function.function(order)(a[0])
        case "dot":
            return sp.Add(*(x * y for x, y in zip(*a, strict=True)))
        case "norm":
            return sp.sqrt(sp.Add(*(x**2 for x in a[0])))
        case "matmul":
            return tuple(
                sp.Add(*(sp.Rational(m.numerator, m.denominator) * x for m, x in zip(row, a[0], strict=True)))
                for row in data
            )
        case "component":
            return a[0][data]
        case "block":
            i, parts = data
            size = len(a[0]) // parts
            return a[0][i * size : (i + 1) * size]
        case "stack":
            return tuple(a)
        case "concat":
            return tuple(x for v in a for x in v)
    raise Rejected(f"the checker does not know the operation {op} of a loss")
