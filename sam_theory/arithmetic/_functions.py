"""The named elementary functions, each with one stable implementation per arithmetic.

SymPy prints the derivative of ``log(cosh(z))`` as ``sinh/cosh`` (NaN beyond 710), ``log cosh`` itself
overflows, and ``sqrt(1+z**2)`` overflows at 1e200.  The two links of the library are therefore functions
of their own, closed under differentiation: log cosh -> tanh, and √(1+z²) -> z/√(1+z²) -> (1+z²)^(-3/2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy as sp


class log_cosh(sp.Function):  # named like SymPy's own functions
    r"""The even convex link :math:`\log\cosh z`; its derivative is ``tanh``."""

    nargs = (1,)

    @classmethod
    def eval(cls, z: sp.Expr) -> sp.Expr | None:
        if z.is_zero:
            return sp.S.Zero
        if z.could_extract_minus_sign():
            return cls(-z)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.tanh(self.args[0])

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sp.Expr:
        return sp.log(sp.cosh(args[0]))

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_evalf(self, prec: int) -> Any:
        return sp.log(sp.cosh(self.args[0]))._eval_evalf(prec)


class sqrt1p(sp.Function):
    r"""The even convex link :math:`\sqrt{1+z^2}`; its derivative is :class:`sqrt1p_slope`."""

    nargs = (1,)

    @classmethod
    def eval(cls, z: sp.Expr) -> sp.Expr | None:
        if z.is_zero:
            return sp.S.One
        if z.could_extract_minus_sign():
            return cls(-z)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sqrt1p_slope(self.args[0])

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sp.Expr:
        return sp.sqrt(1 + args[0] ** 2)

    def _eval_is_extended_positive(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_evalf(self, prec: int) -> Any:
        return sp.sqrt(1 + self.args[0] ** 2)._eval_evalf(prec)


class sqrt1p_slope(sp.Function):
    r"""The odd function :math:`z/\sqrt{1+z^2}`, with derivative :math:`(1+z^2)^{-3/2}`."""

    nargs = (1,)

    @classmethod
    def eval(cls, z: sp.Expr) -> sp.Expr | None:
        if z.is_zero:
            return sp.S.Zero
        if z.could_extract_minus_sign():
            return -cls(-z)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sqrt1p(self.args[0]) ** -3

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> sp.Expr:
        return args[0] / sp.sqrt(1 + args[0] ** 2)

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_evalf(self, prec: int) -> Any:
        z = self.args[0]
        return (z / sp.sqrt(1 + z**2))._eval_evalf(prec)


#: Every function a program may call by name, with the SymPy class that stands for it.
ELEMENTARY: dict[str, Callable[..., sp.Expr]] = {
    "exp": sp.exp,
    "log": sp.log,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "atan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "log_cosh": log_cosh,
    "sqrt1p": sqrt1p,
    "sqrt1p_slope": sqrt1p_slope,
}


def python_log_cosh(z: float) -> float:
    """log cosh z without overflow or cancellation (plain Python)."""
    a = abs(z)
    if a < 1.0:
        return math.log1p(2.0 * math.sinh(0.5 * a) ** 2)
    return a + math.log1p(math.exp(-2.0 * a)) - math.log(2.0)


def python_sqrt1p_slope(z: float) -> float:
    """z/√(1+z²) without overflow (plain Python); infinite arguments give ±1."""
    if math.isinf(z):
        return math.copysign(1.0, z)
    return z / math.hypot(1.0, z)
