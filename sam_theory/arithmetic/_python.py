"""Plain Python floats: one trajectory at a time, the meaning of the generated code for long orbits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic._base import Arithmetic
from sam_theory.arithmetic._functions import python_log_cosh, python_sqrt1p_slope

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


class PythonFloat(Arithmetic):
    """Python floats."""

    name = "python"
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = PYTHON_FUNCTIONS

    def number(self, value: Fraction) -> float:
        return float(value)

    def sqrt(self, a: float) -> float:
        return math.sqrt(a)

    def sign(self, a: float) -> float:
        return math.copysign(1.0, a) if a else 0.0

    def norm(self, v: Any) -> float:
        return abs(v[0]) if len(v) == 1 else math.hypot(*v)
