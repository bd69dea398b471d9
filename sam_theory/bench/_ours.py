"""The work by this package."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from typing import Any

from sam_theory.bench._cases import Case, matrix, parameters, spectrum, starts

Work = Callable[[], dict[str, Any]]


def versions() -> dict[str, str]:
    """What takes part."""
    import platform
    from importlib import metadata

    found = {"python": platform.python_version()}
    for name in ("sam-theory", "numpy", "sympy", "llvmlite"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def prepare(case: Case, options: dict[str, Any]) -> Work:
    """The work of a case as a function; a first run of few steps has built what it needs."""
    if case.kind == "diagram":
        return _diagram(case)
    return _product(case, options) if case.kind == "product" else _quadratic(case, options)


def _map(case: Case) -> Any:
    from sam_theory import Map, Product, Quadratic, log_cosh, sam, sqrt1p, usam

    if case.kind == "product":
        links = {"log_cosh": log_cosh, "sqrt1p": sqrt1p}
        return Map({"sam": sam, "usam": usam}[case.setting["rule"]], Product(links[case.setting["loss"]]))
    if case.kind == "diagonal":
        return Map(sam, Quadratic(*map(Fraction, spectrum(case.setting).tolist())))
    rows = [list(map(Fraction, row)) for row in matrix(case.setting).tolist()]
    return Map(sam, Quadratic(matrix=rows))


def _simulator(
    case: Case, options: dict[str, Any], map: Any, start: Any, values: dict[str, Any], **more: Any
) -> Callable[[], Any]:
    from sam_theory import simulate

    chosen = {"backend": options.get("backend", "fast"), "settling": options.get("settling", "exact")}
    steps = case.setting["steps"]
    if not options.get("fresh"):
        simulate(map, start, params=values, steps=1, **more, **chosen)
    return lambda: simulate(map, start, params=values, steps=steps, **more, **chosen)


def _product(case: Case, options: dict[str, Any]) -> Work:
    import sympy as sp

    from sam_theory.dynamics import Over

    s = case.setting
    eta, rho = parameters(s)
    x, y = sp.symbols("x y", real=True)
    observables = {"top": Over("max", sp.Abs(x * y), last=s["last"])} if s["last"] else {}
    record = {None: "final", 1: "all"}.get(s["every"], s["every"])
    run = _simulator(
        case, options, _map(case), s["start"], {"eta": eta, "rho": rho}, observables=observables, record=record
    )
    return lambda: {"run": run()}


def _quadratic(case: Case, options: dict[str, Any]) -> Work:
    from sam_theory.arithmetic import Rows

    s = case.setting
    map, values = _map(case), {"eta": s["eta"], "rho": s["rho"]}
    simulated = _simulator(case, options, map, starts(s), values)

    def run() -> dict[str, Any]:
        for _, node in map.loss.gradient_program:
            if isinstance(node.data, Rows):
                vars(node.data).pop("spectrum", None)  # a matrix is decomposed in every run, as by the others
        return {"run": simulated()}

    return run


def outputs(raw: dict[str, Any], case: Case) -> dict[str, Any]:
    """What the others return, from a trajectory."""
    import numpy as np

    if "run" not in raw:
        return raw
    run = raw["run"]
    if case.kind != "product":
        return {"final": run.final}
    found = {"final": np.moveaxis(run.final, -1, 0), "diverged": run.outcome == "diverged"}
    if run.states is not None:
        found["states"] = np.moveaxis(run.states, -1, 1)
    return {**found, **run.observables}


def remarks(raw: dict[str, Any]) -> dict[str, Any]:
    """The backend that was used and why, and how many trajectories settled."""
    import numpy as np

    if "run" not in raw:
        return {}
    run = raw["run"]
    return {"backend": run.backend, "reason": run.reason, "settled": float(np.mean(np.asarray(run.settled) >= 0))}


def phase_diagram(name: str, undecided: str) -> Any:
    """A certified phase diagram over (η, ρ), of which at most a part of the area is undecided.

    ``usam-quadratic``: USAM on ½w²; ``usam-valley``: USAM on log cosh(xy) at (0, 2); ``sam-cycle``: the 2-cycle of SAM
    on log cosh(xy) at frozen y = 2.

    Raises RuntimeError if more than ``undecided`` stays open.
    """
    from sam_theory import Map, Product, Quadratic, box, certified_phase_diagram, log_cosh, sam, usam

    valley = Product(log_cosh)
    cycles = box({"eta": ("1/10", 1), "rho": ("1/20", "1/5"), "w:1": 2})
    diagrams: dict[str, tuple[Map, Any, dict[str, Any]]] = {
        "usam-quadratic": (Map(usam, Quadratic(1)), box(eta=(0, 2), rho=(0, 2)), {"at": [0]}),
        "usam-valley": (Map(usam, valley), box(eta=("1/100", 1), rho=(0, 1)), {"at": [0, 2], "direction": 0}),
        "sam-cycle": (Map(sam, valley), cycles, {"frozen": ["w:1"]}),
    }
    map, region, options = diagrams[name]
    found = certified_phase_diagram(map, region, fraction=undecided, **options)
    if not found.area(0) <= Fraction(undecided):
        raise RuntimeError(f"{found.area(0)} of the area is undecided, {undecided} was asked for")
    return found


def _diagram(case: Case) -> Work:
    import_module("sam_theory.engines")  # not part of the work

    def run() -> dict[str, Any]:
        phase_diagram(case.setting["diagram"], case.setting["undecided"])
        return {}

    return run
