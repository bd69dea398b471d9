"""Flat programs in a cheaper form: what need not be computed is not, what is common is computed once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sam_theory.arithmetic import Node, Program
from sam_theory.kernels._cost import cost
from sam_theory.kernels._factors import Factors
from sam_theory.kernels._graph import FLAT, Graph, refused
from sam_theory.kernels._shared import Sharing

#: Programs of more nodes are left as they are: they are sums, and little can be won.
_LARGEST = 4_000

#: How often factors are brought together: each time, products of one factor more.
_ROUNDS = 6

Values = list[Any]
#: Another way to make a node, from the values of those before it; None for the usual one.
Special = Callable[[Graph, int, Node, Values], Any]


@lru_cache(maxsize=256)
def simplified(program: Program) -> Program:
    r"""A program with the same outputs and at most the same inputs that takes less work.

    The factor that is common to the coordinates of a vector is cancelled before the vector is normalised: for
    :math:`\nabla L=\ell'(xy)(y,x)` the direction needs no transcendental function, and does not underflow.  Constants
    are folded, functions of odd and even symmetry freed of signs, quotients by one denominator computed by its
    reciprocal, factors that several products share multiplied once.  Of a few ways the cheapest is taken.

    Results agree up to rounding (a few units in the last place of the terms of each sum) wherever nothing overflows or
    underflows on the way in either form; beyond, the simplified form may be a number where the other is none or 0.

    Parameters
    ----------
    program : Program
        A program of scalars (``Map.flat``, :func:`flattened`).

    Returns
    -------
    Program

    Raises
    ------
    InputError
        For an operation on vectors that no flat program has.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import named_losses
    >>> from sam_theory.rules import sam
    >>> flat = Map(sam, named_losses()["log_cosh(xy)"]).flat
    >>> [sum(n.op == "call" for n in p.nodes) for p in (flat, simplified(flat))]
    [2, 1]
    """
    if len(program.nodes) > _LARGEST:
        return program
    calls = {n.data[0] for n in program.nodes if n.op == "call" and isinstance(n.data, tuple)}
    turns = any(n.op in ("unit", "sign") for n in program.nodes)
    ways = itertools.product(
        (True, False) if turns else (False,), (True, False) if {"sin", "cos"} <= calls else (False,)
    )
    return min((_shared(_rebuilt(program, *way)) for way in ways), key=cost)


def _shared(form: Program) -> Program:
    for _ in range(_ROUNDS):
        sharing = Sharing(form)
        if not sharing.found:
            break
        form = _rebuilt(form, special=sharing.special)
    return form


def _rebuilt(program: Program, cancel: bool = False, double: bool = False, special: Special | None = None) -> Program:
    """The program made anew, each node in its simplest form.

    ``cancel``: directions and signs without what only multiplies them; ``double``: sin z cos z as ½ sin 2z.
    """
    graph = Graph(double)
    factors = Factors(graph) if cancel else None
    values: Values = []
    for i, node in program:
        value = None if special is None else special(graph, i, node, values)
        values.append(_made(graph, factors, node, [values[j] for j in node.args]) if value is None else value)
    return graph.builder.finish({name: values[i] for name, i in program.outputs})


def _made(graph: Graph, factors: Factors | None, node: Node, args: Values) -> Any:
    data: Any = node.data
    match node.op:
        case "input":
            return graph.input(data)
        case "number":
            return graph.number(data)
        case "stack":
            return tuple(args)
        case "component":
            return args[0][data]
        case "norm":
            return graph.norm(args[0])
        case "unit":
            return _unit(graph, factors, args[0], args[1], data)
        case "sign":
            simpler = None if factors is None else factors.simpler_sign(args[0])
            return graph.make("sign", args[0]) if simpler is None else simpler
        case op if op in FLAT:
            return graph.make(op, *args, data=data)
    raise refused(node.op)


def _unit(graph: Graph, factors: Factors | None, v: tuple[int, ...], eps: int, normalisation: str) -> tuple[int, ...]:
    if graph.constant(eps) != 0:
        return graph.unit(v, eps, normalisation)
    sign, rest = (None, v) if factors is None else factors.direction(v)
    u = (graph.make("sign", rest[0]),) if len(v) == 1 else graph.unit(rest, eps, normalisation)
    return u if sign is None else tuple(graph.make("mul", sign, a) for a in u)
