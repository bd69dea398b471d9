"""The elementary functions a kernel may call, by the names of ``arithmetic.ELEMENTARY``."""

from __future__ import annotations

from sam_theory.kernels._exponential import exp
from sam_theory.kernels._hyperbolic import cosh, log_cosh, sinh, tanh
from sam_theory.kernels._lanes import Emit
from sam_theory.kernels._logarithm import log
from sam_theory.kernels._power import power as power
from sam_theory.kernels._roots import sqrt1p, sqrt1p_slope
from sam_theory.kernels._trigonometric import atan, cos, sin, tan

#: Each is within 2.5 units in the last place over all float64, and odd or even to the last bit as its function is.
FUNCTIONS: dict[str, Emit] = {
    "exp": exp,
    "log": log,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "atan": atan,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "log_cosh": log_cosh,
    "sqrt1p": sqrt1p,
    "sqrt1p_slope": sqrt1p_slope,
}
