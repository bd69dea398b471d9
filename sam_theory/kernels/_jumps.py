"""What a program's jumps depend on: there a rounding decides between directions."""

from __future__ import annotations

from sam_theory.arithmetic import Program

#: Operations with the positions of the arguments in which they jump.
JUMPS = {"sign": (0,), "select": (0, 1), "unit": (0,)}


def delicate(program: Program) -> list[bool]:
    """For each node whether a sign, a choice or a direction is derived from it.

    Where two terms cancel to 0 in the batch arithmetic, a form that leaves a residue of 1e-17 would turn the direction:
    what is delicate keeps its roundings.
    """
    found = [False] * len(program.nodes)
    for i, node in reversed(list(program)):
        for position, j in enumerate(node.args):
            found[j] = found[j] or found[i] or position in JUMPS.get(node.op, ())
    return found
