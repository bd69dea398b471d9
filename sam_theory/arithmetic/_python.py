"""Plain Python floats: one trajectory at a time, the meaning of the generated code for long orbits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic._base import Arithmetic, Coordinates
from sam_theory.arithmetic._functions import python_log_cosh, python_sqrt1p_slope
from sam_theory.arithmetic._program import NORMALISATIONS, as_float

#: The implementations generated code may call, by the name a program uses.
PYTHON_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "log_cosh": python_log_cosh,
    "sqrt1p": lambda z: math.hypot(1.0, z),
    "sqrt1p_slope": python_sqrt1p_slope,
}


#: Norms outside of these lose digits in a plain quotient.
TINY, HUGE = 1e-290, 1e300


def python_unit(v: Sequence[float], eps: float, normalisation: str) -> tuple[float, ...]:
    """v over its (regularised) norm, scaled by the largest coordinate against underflow and overflow."""
    top = max(map(abs, v))
    if not top > 0.0:
        return (0.0 if all(a == 0.0 for a in v) else math.nan,) * len(v)
    scaled = [a / top for a in v]
    n, e = math.hypot(*scaled), eps / top
    if e:
        n = n + e if normalisation == "add" else max(n, e) if normalisation == "max" else math.hypot(n, e)
    return tuple(a / n for a in scaled)


class PythonFloat(Arithmetic):
    """Python floats."""

    name = "python"
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = PYTHON_FUNCTIONS

    def number(self, value: Fraction) -> float:
        return as_float(value)

    def power(self, a: float, exponent: float) -> float:
        return math.pow(a, exponent)  # never complex, unlike **

    def sqrt(self, a: float) -> float:
        return math.sqrt(a)

    def sign(self, a: float) -> float:
        return math.copysign(1.0, a) if a else 0.0

    def norm(self, v: Any) -> float:
        return abs(v[0]) if len(v) == 1 else math.hypot(*v)

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        if normalisation not in NORMALISATIONS:
            return super().unit(v, eps, normalisation)
        return Coordinates(python_unit(v, eps, normalisation))
