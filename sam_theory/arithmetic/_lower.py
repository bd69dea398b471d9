"""From SymPy to programs: every formula that is ever evaluated passes through here."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sam_theory.arithmetic._functions import ELEMENTARY
from sam_theory.arithmetic._program import Builder, Program, Traced
from sam_theory.arithmetic._vectors import Combination, Coordinate, Dot, Gradient, LossValue, Norm, VectorSymbol
from sam_theory.errors import InputError

_NAMES = {cls: name for name, cls in ELEMENTARY.items()}


class Lowering:
    """Turns SymPy expressions into nodes of one builder; equal subexpressions become one node."""

    def __init__(self, builder: Builder | None = None) -> None:
        self.builder = builder or Builder()
        self._memo: dict[sp.Basic, Traced] = {}

    def preset(self, values: Mapping[sp.Basic, Traced]) -> None:
        """Let expressions stand for nodes that exist already (coordinates of a state)."""
        self._memo.update(values)

    def number(self, value: int | Fraction) -> Traced:
        """A constant."""
        return Traced(self.builder, self.builder.emit("number", data=Fraction(value)))

    def input(self, name: str, kind: str = "s") -> Traced:
        """A named input; ``kind`` is ``s`` or ``v``."""
        return Traced(self.builder, self.builder.emit("input", data=name, kind=kind))

    def __call__(self, e: Any) -> Traced:
        """Lower one expression (scalar or vector)."""
        if not isinstance(e, sp.Basic):
            e = sp.sympify(e)
        known = self._memo.get(e)
        if known is None:
            known = self._memo[e] = self._lower(e)
        return known

    def _lower(self, e: Any) -> Traced:
        if isinstance(e, sp.Float):
            raise InputError(f"the float {e} stands in an exact place; write it as a rational, e.g. Rational(1, 10)")
        if isinstance(e, sp.Rational):
            return self.number(Fraction(int(e.p), int(e.q)))
        if isinstance(e, sp.Symbol):
            return self.input(e.name)
        if e is sp.pi:
            return self.number(4) * self(sp.atan(1, evaluate=False))
        if e is sp.E:
            return self._elementary("exp", self.number(1))
        if isinstance(e, sp.Add):
            return self._sum(e)
        if isinstance(e, sp.Mul):
            return self._product(e)
        if isinstance(e, sp.Pow):
            return self._power(e.base, e.exp)
        if isinstance(e, sp.exp):
            return self._elementary("exp", self(e.exp))
        if isinstance(e, sp.Abs):
            return self(e.args[0]).emit("abs", self(e.args[0]))
        if isinstance(e, sp.sign):
            return self(e.args[0]).emit("sign", self(e.args[0]))
        if isinstance(e, (sp.Min, sp.Max)):
            return self._extremum(e)
        if isinstance(e, sp.Piecewise):
            return self._piecewise(e)
        if type(e) in _NAMES:
            return self._elementary(_NAMES[type(e)], self(e.args[0]))
        link = getattr(type(e), "link", None)
        if link is not None:
            z = self(e.args[0])
            return z.emit("call", z, data=(link, type(e).order))
        return self._vector(e)

    def _vector(self, e: Any) -> Traced:
        if isinstance(e, VectorSymbol):
            return self.input(e.name, "v")
        if isinstance(e, Combination):
            total: Traced | None = None
            for c, v in e.terms:
                term = self(v) if c == 1 else self(c) * self(v)
                total = term if total is None else total + term
            if total is None:
                raise InputError("the zero vector cannot be lowered; multiply a named vector by 0 instead")
            return total
        if isinstance(e, Gradient):
            return self(e.args[0]).emit("grad", self(e.args[0]))
        if isinstance(e, LossValue):
            return self(e.args[0]).emit("value", self(e.args[0]))
        if isinstance(e, Norm):
            return self(e.args[0]).emit("norm", self(e.args[0]))
        if isinstance(e, Coordinate):
            return self(e.args[0]).emit("component", self(e.args[0]), data=int(e.args[1]))
        if isinstance(e, Dot):
            return self(e.args[0]).emit("dot", self(e.args[0]), self(e.args[1]))
        if isinstance(e, AppliedUndef):
            raise InputError(f"the function {e.func} is unknown; known: {', '.join(sorted(ELEMENTARY))}")
        if isinstance(e, sp.Derivative):
            raise InputError(f"{e} has no derivative in closed form; use a differentiable expression")
        raise InputError(f"{e} ({type(e).__name__}) is not among the operations a formula may use")

    def _elementary(self, name: str, argument: Traced) -> Traced:
        return argument.emit("call", argument, data=(name, 0))

    def _sum(self, e: sp.Add) -> Traced:
        positive = [a for a in e.args if not a.could_extract_minus_sign()]
        negative = [a for a in e.args if a.could_extract_minus_sign()]
        total = self(positive[0]) if positive else -self(-negative[0])
        for a in positive[1:]:
            total = total + self(a)
        for a in negative if positive else negative[1:]:
            total = total - self(-a)
        return total

    def _product(self, e: sp.Mul) -> Traced:
        coefficient, rest = e.as_coeff_Mul()
        if coefficient == -1:
            return -self(rest)
        above: Traced | None = None
        below: Traced | None = None
        for a in ([] if coefficient == 1 else [coefficient]) + list(sp.Mul.make_args(rest)):
            base, exponent = a.as_base_exp()
            if isinstance(a, sp.Pow) and exponent.could_extract_minus_sign() and base is not sp.E:
                factor = self._power(base, -exponent)
                below = factor if below is None else below * factor
            else:
                factor = self(a)
                above = factor if above is None else above * factor
        if below is None:
            assert above is not None
            return above
        return (self.number(1) if above is None else above) / below

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Traced:
        if base is sp.E:
            return self._elementary("exp", self(exponent))
        if exponent.is_Integer:
            n = int(exponent)
            return self(base) if n == 1 else self(base) ** n
        if exponent.is_Rational and exponent.q == 2:
            root = self(base).emit("sqrt", self(base))
            p = int(exponent.p)
            return root if p == 1 else root**p
        return self(base) ** self(exponent)

    def _extremum(self, e: Any) -> Traced:
        low = isinstance(e, sp.Min)
        args = sorted(e.args, key=sp.default_sort_key)
        total = self(args[0])
        for a in args[1:]:
            other = self(a)
            pair = (total, other) if low else (other, total)
            total = total.emit("select", total, other, *pair, data=True)
        return total

    def _piecewise(self, e: sp.Piecewise) -> Traced:
        branches = list(e.args)
        last, condition = branches.pop()
        if condition is not sp.true:
            raise InputError(f"{e} does not cover every case; end a Piecewise with (value, True)")
        total = self(last)
        for branch, c in reversed(branches):
            if not isinstance(c, (sp.StrictLessThan, sp.LessThan, sp.StrictGreaterThan, sp.GreaterThan)):
                raise InputError(f"the condition {c} is not one of <, <=, >, >=")
            total = total.emit(
                "select",
                self(c.lts),
                self(c.gts),
                self(branch),
                total,
                data=isinstance(c, (sp.StrictLessThan, sp.StrictGreaterThan)),
            )
        return total


@lru_cache(maxsize=4096)
def lower(expression: Any) -> Program:
    """A program with the single output ``result`` for a scalar or vector expression.

    Raises InputError for floats, unknown functions and expressions without a closed form.
    """
    lowering = Lowering()
    return lowering.builder.finish({"result": lowering(expression).index})


def lower_all(expressions: Mapping[str, Any]) -> Program:
    """One program with a named output for each expression."""
    return _lower_named(tuple((name, sp.sympify(e)) for name, e in expressions.items()))


@lru_cache(maxsize=4096)
def _lower_named(expressions: tuple[tuple[str, Any], ...]) -> Program:
    lowering = Lowering()
    return lowering.builder.finish({name: lowering(e).index for name, e in expressions})
