"""Members of function classes moved off the origin: every family has its minimiser at 0, the classes do not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import LENGTH, Builder, Program
from sam_theory.engines._search._parameters import Array
from sam_theory.losses import Facts, Family, Loss

__all__ = ["ShiftedMember", "shifted"]

_PLACES = np.array([1, -1, 2, -2, 0.5, -0.5, 3, -3, 1.5, -1.5, 0.25, -0.25, 10, -10])


class ShiftedMember(Loss):
    """``member`` at w − (m_shift1, …): minimiser (m_shift1, …), the least value unchanged."""

    def __init__(self, member: Loss) -> None:
        assert member.dimension is not None
        self.member = member
        self.dimension = member.dimension
        self.shift = tuple(f"m_shift{i + 1}" for i in range(member.dimension))
        self.name = f"{member.name} of w - ({', '.join(self.shift)})"
        self.value_program = _moved(member.value_program, self.shift)
        self.gradient_program = _moved(member.gradient_program, self.shift)
        place = tuple(sp.Symbol(n, real=True) for n in self.shift)
        self.facts = Facts(minimum=member.facts.minimum, minimisers=(place,))
        self.dimensions = {**(member.dimensions or {}), **dict.fromkeys(self.shift, LENGTH)}


def _moved(program: Program, shift: tuple[str, ...]) -> Program:
    """The program with w replaced by w − shift."""
    builder = Builder()
    w = builder.emit("input", data="w", kind="v")
    scalars = [builder.emit("input", data=n, kind="s") for n in shift]
    moved = builder.emit("sub", w, builder.emit("stack", *scalars))
    place: list[int] = []
    for node, kind in zip(program.nodes, program.kinds, strict=True):
        if node.op == "input" and node.data == "w":
            place.append(moved)
        else:
            place.append(builder.emit(node.op, *(place[i] for i in node.args), data=node.data, kind=kind))
    return builder.finish({name: place[i] for name, i in program.outputs})


@lru_cache(maxsize=64)
def shifted(family: Family) -> Family:
    """The members of ``family`` with their minimiser at a simple place of the scale of 1 or ρ."""
    loss = ShiftedMember(family.loss)

    def draw(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
        rho = np.broadcast_to(np.asarray(env.get("rho", 1.0), dtype=float), (size,))
        unit = np.where((rng.random(size) < 0.5) | (rho == 0), 1.0, rho)
        return {
            **family.draw(rng, size, env),
            **{n: _PLACES[(len(_PLACES) * rng.random(size) ** 2).astype(int)] * unit for n in loss.shift},
        }

    membership = f"{family.membership}; the class is invariant under translations"
    return Family(f"{family.name}, minimiser moved", loss, draw, membership, family.law, family.rational)
