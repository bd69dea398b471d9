"""Verify, falsify and illustrate theorems about sharpness-aware minimization.

The public names below are imported on first use, so that ``import sam_theory`` loads neither NumPy nor SymPy.

Examples
--------
>>> import sam_theory
>>> "Theorem" in dir(sam_theory)
True
>>> sam_theory.usm
Traceback (most recent call last):
AttributeError: module 'sam_theory' has no attribute 'usm'; did you mean 'usam'?
"""

from importlib import import_module as _import_module

__version__ = "0.1.0"

#: The public names of each submodule; ``__init__.pyi`` repeats them for type checkers and editors.
_PUBLIC = {
    "theorems": (
        "Theorem",
        "Source",
        "Instance",
        "DataPoint",
        "InterpolationData",
        "Mutant",
        "Related",
        "Identity",
        "Inequality",
        "Envelope",
        "Threshold",
        "Stability",
        "Cycle",
        "Limit",
        "Asymptotic",
        "Comparison",
        "AlmostEvery",
        "OrbitsAvoiding",
        "Step",
        "GeometricSum",
        "Telescoping",
        "DistanceDecreases",
        "LinearGrowth",
        "StepLength",
        "StrictSaddles",
        "AffineLowerRecursion",
        "MaxRecursion",
        "AbsorbingLevel",
        "AlternatingBounds",
        "IndependentCoordinates",
        "FadingLevel",
        "alpha",
        "beta",
        "eps",
        "eta",
        "lam",
        "rho",
        "t",
        "w",
        "w_next",
        "w_start",
        "w_star",
        "x",
        "x_next",
        "y",
        "y_next",
        "coordinate",
        "dot",
        "gap",
        "grad",
        "norm",
        "value",
        "comparison",
        "library",
        "relations",
        "load_file",
        "mutants_of",
    ),
    "losses": (
        "Loss",
        "Quadratic",
        "Product",
        "Expression",
        "Facts",
        "RayleighQuotient",
        "Link",
        "log_cosh",
        "sqrt1p",
        "shifted_square",
        "even_link",
        "any_link",
        "StronglyConvex",
        "ConvexSmooth",
        "PolyakLojasiewicz",
        "ScaleInvariant",
        "SpectralQuadratic",
    ),
    "rules": (
        "Rule",
        "FiniteLaw",
        "rule",
        "gd",
        "sam",
        "usam",
    ),
    "dynamics": (
        "Map",
        "Over",
        "simulate",
        "Trajectory",
        "Outcome",
    ),
    "verdicts": (
        "Verdict",
        "Evidence",
        "Witness",
        "Result",
    ),
    "engines": (
        "ENGINES",
        "verify",
        "verify_all",
        "falsify",
        "synthesize",
        "box",
        "enclose",
        "certified_cycle",
        "certified_drift_time",
        "certified_phase_diagram",
        "worst_case",
        "WorstCase",
    ),
    "errors": ("InputError",),
    "sweeps": ("SweepResult", "sweep"),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> object:
    if name in _MODULE_OF:
        value = getattr(_import_module(f"sam_theory.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _PUBLIC:
        return _import_module(f"sam_theory.{name}")
    message = f"module 'sam_theory' has no attribute {name!r}"
    if not name.startswith("_"):
        from sam_theory.errors import nearest

        message += f"; {nearest(name, [*_MODULE_OF, *_PUBLIC])}"
    raise AttributeError(message, name=name)  # with its name, or Python adds a suggestion of its own


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PUBLIC})
