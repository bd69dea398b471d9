"""Losses with a formula: quadratics, products, any expression, the Rayleigh quotient."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp

from sam_theory.arithmetic import CURVATURE, LENGTH, LOSS, Program, Rows, gradient, parse_expression
from sam_theory.errors import InputError
from sam_theory.losses._base import Facts, Loss, Trace
from sam_theory.losses._links import Link


def exact(value: Any, what: str) -> sp.Expr:
    """``value`` as an exact SymPy expression; floats are refused."""
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    if isinstance(value, str):
        return parse_expression(value)
    e = sp.sympify(value)
    if e.has(sp.Float) or e.has(sp.nan, sp.zoo, sp.oo):
        raise InputError(f"{what}: {value} is not exact; write a rational such as Rational(1, 10) or '0.1'")
    return e


def exact_number(entry: sp.Expr) -> Fraction:
    """A rational SymPy number as a Fraction."""
    if not entry.is_Rational:
        raise InputError(f"the matrix entry {entry} is not a rational number")
    return Fraction(int(entry.p), int(entry.q))


#: Rows of a matrix that is written out in the name of a loss.
_WRITTEN = 8


def _entry(value: Any) -> Fraction:
    """A matrix entry as a fraction."""
    return value if isinstance(value, Fraction) else exact_number(exact(value, "matrix entry"))


class Quadratic(Loss):
    r""":math:`L(w)=\tfrac12 w^\top A w` from eigenvalues (diagonal A) or from a symmetric rational matrix.

    Parameters
    ----------
    *eigenvalues : int, Fraction, str or sympy.Expr
        Diagonal entries, [λ]; symbols become parameters of the loss.  One eigenvalue with ``dimension=None``
        is the isotropic ½λ‖w‖² in every dimension.
    matrix : sequence of rows, optional
        A symmetric matrix of exact rationals instead of eigenvalues.
    dimension : int or None
        Only with a single eigenvalue.  Default 1.

    Raises
    ------
    InputError
        For floats, an empty list, a matrix that is not square and symmetric.
    """

    def __init__(
        self, *eigenvalues: Any, matrix: Sequence[Sequence[Any]] | None = None, dimension: int | None = 1
    ) -> None:
        if (matrix is None) == (not eigenvalues):
            raise InputError("a quadratic needs either eigenvalues or a matrix, e.g. Quadratic(1, 4)")
        if matrix is not None:
            self._from_matrix(Rows(tuple(_entry(a) for a in row) for row in matrix))
            return
        lams = [exact(e, "eigenvalue") for e in eigenvalues]
        self.eigenvalues: tuple[sp.Expr, ...] = tuple(lams)
        symbols = {s.name for e in lams for s in e.free_symbols}
        self.dimensions = dict.fromkeys(sorted(symbols), CURVATURE) if symbols else None
        trace = Trace()
        if len(lams) == 1:
            self.name = f"quadratic({lams[0]})"
            self.dimension = dimension
            lam = trace.scalar(lams[0])
            w = trace.w
            self.value_program = trace.finish(lam * w.emit("dot", w, w) / 2)
            self.gradient_program = trace.finish(lam * w)
        else:
            self.name = f"quadratic({', '.join(map(str, lams))})"
            self.dimension = len(lams)
            parts = [trace.scalar(e) * trace.component(i) for i, e in enumerate(lams)]
            total = parts[0] * trace.component(0)
            for i in range(1, len(lams)):
                total = total + parts[i] * trace.component(i)
            self.value_program = trace.finish(total / 2)
            self.gradient_program = trace.finish(parts[0].emit("stack", *parts))
        self._declare(lams)

    def _from_matrix(self, rows: Rows) -> None:
        d = len(rows)
        written = ", ".join(f"[{', '.join(map(str, row))}]" for row in rows) if d <= _WRITTEN else ""
        text = f"[{written}]" if d <= _WRITTEN else f"{d} x {d}"
        if not d or any(len(row) != d for row in rows) or rows != tuple(zip(*rows, strict=True)):
            raise InputError(f"the matrix of a quadratic must be square and symmetric, not {text}")
        self.name = f"quadratic({text})"
        self.dimension = d
        trace = Trace()
        image = trace.w.emit("matmul", trace.w, data=rows)
        self.gradient_program = trace.finish(image)
        self.value_program = trace.finish(image.emit("dot", trace.w, image) / 2)
        self.eigenvalues = tuple(sp.Matrix(rows).eigenvals(multiple=True)) if d <= 3 else ()
        self._declare(list(self.eigenvalues))

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        found = set().union(*(e.free_symbols for e in self.eigenvalues))
        return tuple(sorted(found, key=lambda s: str(s.name)))

    def _declare(self, lams: list[sp.Expr]) -> None:
        if lams and all(e.is_positive for e in lams):
            alpha = sp.Min(*lams)
            beta = sp.Max(*lams)
            origin = ((0,) * self.dimension,) if self.dimension else ()
            self.facts = Facts(alpha=alpha, beta=beta, minimum=0, minimisers=origin)


class Product(Loss):
    r""":math:`L(x,y)=\ell(x\cdot y)` for x, y in R or R^d; the state is (x, y).

    Parameters
    ----------
    link : Link
        ℓ, concrete or opaque.
    dimension : int or None
        d, the dimension of each factor; None proves for every d.
    """

    blocks = ("x", "y")

    def __init__(self, link: Link, dimension: int | None = 1) -> None:
        if dimension is not None and dimension < 1:
            raise InputError(f"the factors of a product need a dimension of at least 1, not {dimension}")
        self.link = link
        self.factor_dimension = dimension
        self.dimension = None if dimension is None else 2 * dimension
        self.name = f"{link.name}(x·y)" if dimension != 1 else f"{link.name}(xy)"
        if link.opaque:
            jet = link.jet.items()
            self.dimensions = {s.name: LOSS / LENGTH ** (2 * k) for k, e in jet for s in e.free_symbols}
        trace = Trace()
        x, y = trace.block(0, 2), trace.block(1, 2)
        z = x.emit("dot", x, y)
        slope = z.emit("call", z, data=(link, 1))
        self.value_program = trace.finish(z.emit("call", z, data=(link, 0)))
        first, second = slope * y, slope * x
        self.gradient_program = trace.finish(first.emit("concat", first, second))
        if link.least_at_zero and dimension == 1:
            free = sp.Symbol("y", real=True)
            least = link.function(0)(sp.S.Zero)
            self.facts = Facts(minimum=least, minimisers=((0, free), (free, 0)))
        elif link.name == "shifted_square" and dimension == 1:
            free = sp.Symbol("y", real=True, nonzero=True)
            self.facts = Facts(minimum=0, minimisers=((1 / free, free),))

    @property
    def variables(self) -> tuple[str, ...]:
        d = self.factor_dimension
        if d == 1:
            return ("x", "y")
        if d is None:
            raise InputError(f"{self.name} has no fixed dimension")
        return tuple(f"{v}{i + 1}" for v in "xy" for i in range(d))


class Expression(Loss):
    r"""Any SymPy expression of named coordinates; gradient and Hessian are derived by SymPy.

    Parameters
    ----------
    expression : sympy.Expr or str
        Text is parsed by a whitelist, decimals exactly.
    variables : sequence of str or sympy.Symbol, optional
        The coordinates in order; default: all free symbols, sorted by name.  Other symbols are parameters.
    facts : Facts, optional
        What is known about the loss.

    Raises
    ------
    InputError
        For floats, unknown functions, no variables, or a gradient that does not exist in closed form.
    """

    def __init__(
        self,
        expression: sp.Expr | str,
        variables: Sequence[str | sp.Symbol] = (),
        *,
        name: str | None = None,
        facts: Facts | None = None,
    ) -> None:
        e = exact(expression, "loss")
        e = e.xreplace({s: sp.Symbol(s.name, real=True) for s in e.free_symbols if not s.is_real})
        by_name = {s.name: s for s in e.free_symbols}
        wanted = [str(v) for v in variables] or sorted(by_name)
        if not wanted:
            raise InputError(f"the loss {expression} has no variable; name at least one, e.g. 'x**2/2'")
        self._variables = tuple(wanted)
        self._symbols = [by_name.get(v, sp.Symbol(v, real=True)) for v in wanted]
        self.expression = e
        self.name = name or str(e)
        self.dimension = len(wanted)
        partials = gradient(e, self._symbols)
        self.value_program = self._program(e)
        self.gradient_program = self._stacked(partials)
        if facts is not None:
            self.facts = facts

    @cached_property
    def definition(self) -> str:
        links = {f.link.definition for f in self.expression.atoms(sp.Function) if hasattr(f, "link")}
        return f"{sp.srepr(self.expression)} of {self.variables}, {sorted(links)}"

    @property
    def variables(self) -> tuple[str, ...]:
        return self._variables

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        found = self.expression.free_symbols - set(self._symbols)
        return tuple(sorted((s for s in found if s.name in self.parameters), key=lambda s: str(s.name)))

    def _trace(self) -> Trace:
        trace = Trace()
        trace.lowering.preset({s: trace.component(i) for i, s in enumerate(self._symbols)})
        return trace

    def _program(self, e: sp.Expr) -> Program:
        trace = self._trace()
        return trace.finish(trace.lowering(e))

    def _stacked(self, es: list[sp.Expr]) -> Program:
        trace = self._trace()
        parts = [trace.lowering(e) for e in es]
        return trace.finish(parts[0].emit("stack", *parts))


class RayleighQuotient(Expression):
    r""":math:`w^\top A w/\|w\|^2`, scale-invariant of degree 0, for a symmetric rational matrix A."""

    def __init__(self, matrix: Sequence[Sequence[Any]]) -> None:
        a = sp.Matrix([[exact(entry, "matrix entry") for entry in row] for row in matrix])
        if a.rows != a.cols or a != a.T or a.rows < 2:
            raise InputError("a Rayleigh quotient needs a symmetric matrix of size at least 2")
        w = sp.Matrix(sp.symbols(f"w1:{a.rows + 1}", real=True))
        quotient = (w.T * a * w)[0].expand() / (w.T * w)[0]
        super().__init__(quotient, list(w), name=f"rayleigh({a.tolist()})")
        self.matrix = a
