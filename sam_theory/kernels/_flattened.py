"""Vector programs and formulas as flat programs: what is observed along a trajectory, for a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sam_theory.arithmetic import Coordinates, Field, Flatten, Program, lower
from sam_theory.errors import InputError


def flattened(
    formulas: Mapping[str, Any],
    vectors: Mapping[str, int],
    coordinates: Mapping[str, str] | None = None,
    field: Field | None = None,
) -> Program:
    """Formulas of vectors and scalars as one program of scalars; equal parts of them are computed once.

    Parameters
    ----------
    formulas : dict of sympy.Basic or Program
        Expressions, or programs with the output ``result``.
    vectors : dict of int
        The vectors that may appear, with their dimensions; coordinate i of ``v`` is the input ``v:i``.
    coordinates : dict of str, optional
        Scalars that stand for coordinates: ``{"x": "w:0", "y": "w:1"}``.
    field : Loss, optional
        The loss behind values and gradients.

    Returns
    -------
    Program
        With the output ``name`` for a scalar, ``name:0``, ``name:1``, … for a vector.  All other scalars (the
        parameters, ``t``) are inputs of their own names.

    Raises
    ------
    InputError
        For a formula that cannot be lowered, an unknown vector, or a loss that is missing.

    Examples
    --------
    >>> import sympy as sp
    >>> program = flattened({"product": sp.Symbol("x") * sp.Symbol("y")}, {"w": 2}, {"x": "w:0", "y": "w:1"})
    >>> program.inputs, program.outputs
    (('w:0', 'w:1'), (('product', 2),))
    """
    arithmetic = Flatten()
    names = coordinates or {}
    outputs: dict[str, Any] = {}
    for name, formula in formulas.items():
        program = formula if isinstance(formula, Program) else lower(formula)
        env = {v: Coordinates(arithmetic.input(f"{v}:{i}") for i in range(d)) for v, d in vectors.items()}
        for i, node in program:
            if node.op == "input" and program.kinds[i] == "v" and node.data not in env:
                raise InputError(f"'{name}' uses the vector '{node.data}'; known: {', '.join(env) or 'none'}")
        scalars = [str(n.data) for i, n in program if n.op == "input" and program.kinds[i] == "s"]
        parameters = getattr(field, "parameters", ())
        env |= {s: arithmetic.input(names.get(s, s)) for s in (*parameters, *scalars)}
        result = arithmetic.run(program, env, field)["result"]
        if isinstance(result, Coordinates):
            outputs |= {f"{name}:{i}": a for i, a in enumerate(result)}
        else:
            outputs[name] = result
    return arithmetic.finish(outputs)
