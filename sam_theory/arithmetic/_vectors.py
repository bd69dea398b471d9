r"""Vectors inside formulas: ``dot(grad(w), w_next - w)`` is a SymPy expression like any other.

A claim speaks of the state of a map and of its loss without coordinates, so that one formula serves a
quadratic of two dimensions, a batch of random members, and the Gram form that covers every dimension.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.core.symbol import Str

from sam_theory.errors import InputError


class Vec(sp.Basic):
    """A vector expression; supports +, −, and scaling by a SymPy expression."""

    def __add__(self, other: Any) -> Vec:
        return combine([*_terms(self), *_terms(other)])

    def __sub__(self, other: Any) -> Vec:
        return combine([*_terms(self), *((-c, v) for c, v in _terms(other))])

    def __neg__(self) -> Vec:
        return combine([(-c, v) for c, v in _terms(self)])

    def __mul__(self, scalar: Any) -> Vec:
        return combine([(sp.sympify(scalar) * c, v) for c, v in _terms(self)])

    __rmul__ = __mul__

    def __truediv__(self, scalar: Any) -> Vec:
        return self * (1 / sp.sympify(scalar))


class VectorSymbol(Vec):
    """A named vector: the state ``w``, its image ``w_next``, the start ``w_start``, a minimiser ``w_star``."""

    def __new__(cls, name: str | Str) -> VectorSymbol:
        return super().__new__(cls, name if isinstance(name, Str) else Str(name))

    @property
    def name(self) -> str:
        """The name under which a program receives the vector."""
        return str(self.args[0])

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """No scalar symbol is free in a vector's name."""
        return set()

    def _sympystr(self, printer: Any) -> str:
        return self.name

    def _latex(self, printer: Any) -> str:
        head, _, tail = self.name.partition("_")
        marks = {"next": f"{head}^{{+}}", "star": f"{head}^{{\\star}}", "start": f"{head}_0"}
        return marks.get(tail, head if not tail else f"{head}_{{{tail}}}")


class Combination(Vec):
    """A linear combination, stored as (coefficient, vector, coefficient, vector, …)."""

    @property
    def terms(self) -> list[tuple[sp.Expr, Vec]]:
        """The (coefficient, vector) pairs."""
        return list(zip(self.args[::2], self.args[1::2], strict=True))

    def _sympystr(self, printer: Any) -> str:
        parts = []
        for c, v in self.terms:
            name = printer.doprint(v)
            parts.append(name if c == 1 else f"-{name}" if c == -1 else f"({printer.doprint(c)})*{name}")
        return " + ".join(parts).replace("+ -", "- ") or "0"

    def _latex(self, printer: Any) -> str:
        parts = []
        for c, v in self.terms:
            name = printer.doprint(v)
            if c in (1, -1):
                parts.append(("-" if c == -1 else "") + name)
            else:
                text = printer.doprint(c)
                parts.append((f"\\left({text}\\right)" if isinstance(c, sp.Add) else text) + name)
        return " + ".join(parts).replace("+ -", "- ") or "0"


class Gradient(Vec):
    r""":math:`\nabla L(v)`."""

    def _sympystr(self, printer: Any) -> str:
        return f"grad L({printer.doprint(self.args[0])})"

    def _latex(self, printer: Any) -> str:
        return f"\\nabla L({printer.doprint(self.args[0])})"


class Dot(sp.Expr):
    r"""The inner product :math:`\langle u, v\rangle`."""

    is_commutative = True

    def __new__(cls, u: Vec, v: Vec) -> Dot:
        first, second = sorted((_vector(u), _vector(v)), key=sp.default_sort_key)
        return super().__new__(cls, first, second)

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return True if self.args[0] == self.args[1] else None

    def _sympystr(self, printer: Any) -> str:
        return f"<{printer.doprint(self.args[0])}, {printer.doprint(self.args[1])}>"

    def _latex(self, printer: Any) -> str:
        return f"\\langle {printer.doprint(self.args[0])}, {printer.doprint(self.args[1])}\\rangle"


class Norm(sp.Expr):
    r"""The Euclidean norm :math:`\|v\|`."""

    is_commutative = True

    def __new__(cls, v: Vec) -> Norm:
        return super().__new__(cls, _vector(v))

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_is_extended_nonnegative(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        return f"|{printer.doprint(self.args[0])}|"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = f"\\|{printer.doprint(self.args[0])}\\|"
        return text if exp is None else f"{text}^{{{exp}}}"


class LossValue(sp.Expr):
    r"""The loss at a vector, :math:`L(v)`."""

    is_commutative = True

    def __new__(cls, v: Vec) -> LossValue:
        return super().__new__(cls, _vector(v))

    def _eval_is_extended_real(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        return f"L({printer.doprint(self.args[0])})"

    def _latex(self, printer: Any) -> str:
        return f"L({printer.doprint(self.args[0])})"


class Coordinate(sp.Expr):
    """Coordinate ``i`` (from 0) of a vector."""

    is_commutative = True

    def __new__(cls, v: Vec, i: int | sp.Integer) -> Coordinate:
        return super().__new__(cls, _vector(v), sp.Integer(i))

    def _eval_is_extended_real(self) -> bool:
        return True

    def _sympystr(self, printer: Any) -> str:
        return f"{printer.doprint(self.args[0])}[{self.args[1]}]"

    def _latex(self, printer: Any) -> str:
        return f"({printer.doprint(self.args[0])})_{{{int(self.args[1]) + 1}}}"


def _vector(v: Any) -> Vec:
    if not isinstance(v, Vec):
        raise InputError(f"{v} is not a vector; build one from w, w_next, grad(w), …")
    return v


def _terms(v: Any) -> list[tuple[sp.Expr, Vec]]:
    if v == 0 and not isinstance(v, Vec):
        return []
    return v.terms if isinstance(v, Combination) else [(sp.S.One, _vector(v))]


def combine(terms: Iterable[tuple[sp.Expr, Vec]]) -> Vec:
    """The linear combination of ``terms`` in canonical form."""
    total: dict[Vec, sp.Expr] = {}
    for c, v in terms:
        total[v] = total.get(v, sp.S.Zero) + c
    kept = sorted(((v, c) for v, c in total.items() if c != 0), key=lambda p: sp.default_sort_key(p[0]))
    if len(kept) == 1 and kept[0][1] == 1:
        return kept[0][0]
    return Combination(*(x for v, c in kept for x in (c, v)))


def dot(u: Vec, v: Vec) -> sp.Expr:
    """The inner product of two vector expressions."""
    return Dot(u, v)


def norm(v: Vec) -> sp.Expr:
    """The Euclidean norm of a vector expression."""
    return Norm(v)


def grad(v: Vec) -> Vec:
    """The gradient of the loss at a vector expression."""
    return Gradient(_vector(v))


def value(v: Vec) -> sp.Expr:
    """The loss at a vector expression."""
    return LossValue(v)


def coordinate(v: Vec, i: int = 0) -> sp.Expr:
    """Coordinate ``i`` (from 0) of a vector expression."""
    return Coordinate(v, i)
