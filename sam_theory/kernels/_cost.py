"""What a step costs by machine code and by batches of arrays, to choose between the two beforehand.

The numbers were measured by ``benchmarks/operations.py`` on a core with registers of 512 bits; their ratios matter.
"""

from __future__ import annotations

from fractions import Fraction

from sam_theory.arithmetic import Program
from sam_theory.kernels._graph import FLAT
from sam_theory.kernels._shared import invariant

#: CPU nanoseconds of an operation on one trajectory: by machine code with full registers, and by NumPy.
_OPERATIONS: dict[str, tuple[float, float]] = {
    "add": (0.03, 0.45),
    "sub": (0.03, 0.45),
    "mul": (0.03, 0.43),
    "neg": (0.03, 0.4),
    "div": (0.24, 0.5),
    "abs": (0.03, 0.36),
    "sign": (0.06, 0.85),
    "sqrt": (0.47, 1.3),
    "select": (0.06, 1.5),
    "power": (2.9, 2.6),
    "norm": (0.5, 8.7),
    "unit": (0.55, 10.7),
}
_FUNCTIONS: dict[str, tuple[float, float]] = {
    "exp": (0.6, 1.0),
    "log": (0.95, 1.0),
    "sin": (0.85, 8.8),
    "cos": (0.85, 8.8),
    "tan": (1.0, 1.6),
    "atan": (0.9, 1.4),
    "sinh": (0.85, 1.35),
    "cosh": (0.75, 1.15),
    "tanh": (0.45, 1.9),
    "log_cosh": (1.9, 10.0),
    "sqrt1p": (0.5, 6.9),
    "sqrt1p_slope": (0.8, 9.7),
}

#: Nanoseconds that NumPy needs to begin an operation, whatever the size of the batch; and those it needs for an entry
#: if the arrays of a step take more than so many bytes, which is when they leave the cache.
_BEGIN, _FAR, _CACHE = 1_000.0, 2.5, 2**21

#: Nanoseconds to write, optimise and compile a loop, and for each of its operations and of its functions.
_LOOP, _OPERATION, _FUNCTION = 20e6, 0.1e6, 4e6


def cost(program: Program) -> float:
    """CPU nanoseconds of a flat program on one trajectory by machine code, as one step among many.

    What depends on parameters alone is computed before the steps, and costs nothing.

    Parameters
    ----------
    program : Program
        A program of scalars, as it is compiled: :func:`simplified`.

    Examples
    --------
    >>> import sympy as sp
    >>> from sam_theory.arithmetic import lower
    >>> x = sp.Symbol("w:0")
    >>> cost(lower(sp.tanh(x))) > 5 * cost(lower(x + 1)) > 0
    True
    """
    return sum(one for (one, _), fixed in zip(_priced(program), invariant(program), strict=True) if not fixed)


def batch_cost(program: Program, trajectories: int) -> float:
    """CPU nanoseconds of a program on one trajectory by NumPy, in a batch of so many."""
    prices = [price for _, price in _priced(program) if price]
    far = _FAR if 8 * len(prices) * trajectories > _CACHE else 0.0
    return sum(prices) + len(prices) * (far + _BEGIN / max(1, trajectories))


def compile_time(program: Program) -> float:
    """Nanoseconds until the loop of a flat program is machine code."""
    heavy = sum(n.op in ("call", "power", "norm", "unit") for n in program.nodes)
    return _LOOP + _OPERATION * len(program.nodes) + _FUNCTION * heavy


def unsupported(program: Program) -> str | None:
    """Why a program has no machine code; None if it has.

    Examples
    --------
    >>> from sam_theory.arithmetic import Builder
    >>> builder = Builder()
    >>> w = builder.emit("input", data="w", kind="v")
    >>> unsupported(builder.finish({"result": builder.emit("grad", w)}))
    "the operation 'grad' is none of a flat program"
    """
    for _, node in program:
        if node.op not in FLAT:
            return f"the operation '{node.op}' is none of a flat program"
        if node.op == "call":
            name, order = node.data if isinstance(node.data, tuple) else (node.data, 0)
            if order != 0 or name not in _FUNCTIONS:
                return f"the function {getattr(name, 'name', name)} has no machine code"
        if isinstance(node.data, Fraction) and abs(node.data) >= 2**1024:
            return "a constant of the formula exceeds the range of float64"
    return None


def _priced(program: Program) -> list[tuple[float, float]]:
    prices = []
    for node in program.nodes:
        if node.op == "call" and isinstance(node.data, tuple):
            prices.append(_FUNCTIONS.get(node.data[0], (1.0, 10.0)))
        elif node.op == "ipow" and isinstance(node.data, int):
            products = max(1, 2 * abs(node.data).bit_length() - 2)
            fast, slow = _OPERATIONS["mul"]
            extra = _OPERATIONS["div"] if node.data < 0 else (0.0, 0.0)
            prices.append((products * fast + extra[0], products * slow + extra[1]))
        elif node.op in _OPERATIONS:
            prices.append(_OPERATIONS[node.op])
        else:
            prices.append((0.0, 0.0))
    return prices
