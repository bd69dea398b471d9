"""One traced program, many arithmetics: floats, rationals, SymPy, z3, Gram, balls and dimensions."""

from sam_theory.arithmetic._ball import Ball
from sam_theory.arithmetic._base import Arithmetic, Coordinates, Field, HasDerivatives, NotExact, Undecided
from sam_theory.arithmetic._closed import closed_roots
from sam_theory.arithmetic._compile import Bind
from sam_theory.arithmetic._derivative import with_derivative
from sam_theory.arithmetic._dimension import (
    CURVATURE,
    GRADIENT,
    LENGTH,
    LOSS,
    NUMBER,
    STEP_SIZE,
    Dimension,
    Dimensional,
)
from sam_theory.arithmetic._float64 import Float64
from sam_theory.arithmetic._functions import ELEMENTARY, log_cosh, sqrt1p, sqrt1p_slope
from sam_theory.arithmetic._gram import Gram, Point, Span
from sam_theory.arithmetic._jet import Jet, side_of
from sam_theory.arithmetic._jets import Jets
from sam_theory.arithmetic._kinks import gradient, kinks, one_sided_partial, smooth_kinks
from sam_theory.arithmetic._lower import Lowering, lower, lower_all
from sam_theory.arithmetic._parse import parse_expression, parse_relation
from sam_theory.arithmetic._program import NORMALISATIONS, OPERATIONS, Builder, Node, Program, Traced, as_fraction
from sam_theory.arithmetic._python import PythonFloat
from sam_theory.arithmetic._rational import FlintRational, Rational, rational_sqrt
from sam_theory.arithmetic._rows import Factored, Rows
from sam_theory.arithmetic._series import Expansion, Series
from sam_theory.arithmetic._smt import Smt
from sam_theory.arithmetic._symbolic import Symbolic
from sam_theory.arithmetic._taylor import Taylor
from sam_theory.arithmetic._trace import Flatten, python_source
from sam_theory.arithmetic._vectors import (
    Combination,
    Coordinate,
    Dot,
    Gradient,
    LossValue,
    Norm,
    Vec,
    VectorSymbol,
    coordinate,
    dot,
    grad,
    norm,
    value,
)

__all__ = [
    "gradient",
    "kinks",
    "one_sided_partial",
    "smooth_kinks",
    "Arithmetic",
    "Ball",
    "Bind",
    "Builder",
    "CURVATURE",
    "Combination",
    "Coordinate",
    "Coordinates",
    "Dimension",
    "Dimensional",
    "Dot",
    "ELEMENTARY",
    "Expansion",
    "Factored",
    "Field",
    "Flatten",
    "FlintRational",
    "Float64",
    "GRADIENT",
    "Gradient",
    "Gram",
    "HasDerivatives",
    "Jet",
    "Jets",
    "LENGTH",
    "LOSS",
    "LossValue",
    "Lowering",
    "NORMALISATIONS",
    "NUMBER",
    "Node",
    "Norm",
    "NotExact",
    "OPERATIONS",
    "Point",
    "Program",
    "PythonFloat",
    "Rational",
    "Rows",
    "STEP_SIZE",
    "Series",
    "Smt",
    "Span",
    "Symbolic",
    "Taylor",
    "Traced",
    "Undecided",
    "Vec",
    "VectorSymbol",
    "as_fraction",
    "closed_roots",
    "coordinate",
    "dot",
    "grad",
    "log_cosh",
    "lower",
    "lower_all",
    "norm",
    "parse_expression",
    "parse_relation",
    "python_source",
    "rational_sqrt",
    "side_of",
    "sqrt1p",
    "sqrt1p_slope",
    "value",
    "with_derivative",
]
