"""Maps without a statement: a rule of the registry on a described loss, some coordinates frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sam_theory.checker._enclosure_cover import Box, entries
from sam_theory.checker._enclosure_field import Field, step
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._enclosure_vector import Vector
from sam_theory.checker._rejected import Rejected
from sam_theory.errors import InputError
from sam_theory.losses import loss_of
from sam_theory.rules import Rule, rule_of

__all__ = ["System", "read_system"]


@dataclass(frozen=True, eq=False)
class System:
    """The map, in the coordinates that are not frozen."""

    rule: Rule
    field: Field
    frozen: tuple[str, ...] = ()

    @cached_property
    def coordinates(self) -> tuple[str, ...]:
        """All coordinates: ``w:0``, ``w:1``, … for each state vector."""
        return tuple(f"{v}:{i}" for v in self.rule.state for i in range(self.field.loss.dimension or 0))

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates that move."""
        return tuple(n for n in self.coordinates if n not in self.frozen)

    @property
    def parameters(self) -> tuple[str, ...]:
        """What a box must give a side: parameters and frozen coordinates."""
        return tuple(dict.fromkeys((*self.rule.parameters, *self.field.loss.parameters, *self.frozen)))

    def advance(self, k: Calculus, point: Sequence[Number], env: dict[str, Any]) -> list[Number]:
        """One step of the coordinates that move."""
        values = dict(zip(self.names, point, strict=True))
        whole = [values[n] if n in values else env[n] for n in self.coordinates]
        size = len(whole) // len(self.rule.state)
        state = [Vector(whole[i * size : (i + 1) * size]) for i in range(len(self.rule.state))]
        image = [c for v in step(k, self.rule, self.field, state, env) for c in v]
        after = dict(zip(self.coordinates, image, strict=True))
        return [after[n] for n in self.names]

    def complete(self, k: Calculus, sides: dict[str, Any]) -> dict[str, Any]:
        """The environment: the sides themselves."""
        return dict(sides)

    def check_sides(self, box: Box, more: Sequence[str] = ()) -> None:
        """The sides of the box are what the map needs, no more."""
        wanted = {*self.parameters, *more}
        if set(box) != wanted:
            raise Rejected(f"the box has the sides {', '.join(box)}; it needs {', '.join(sorted(wanted))}")


def read_system(data: Any, frozen: Any = ()) -> System:
    """The map that a certificate describes."""
    rule, loss = entries(data, ("rule", "loss"), "the map")
    named = isinstance(frozen, list | tuple) and all(isinstance(n, str) for n in frozen)
    if not named or not isinstance(rule, dict) or not isinstance(loss, dict):
        raise Rejected("the map is not described by a rule and a loss")
    try:
        found = System(rule_of(rule), Field(loss_of(loss)), tuple(frozen))
    except InputError as problem:
        raise Rejected(str(problem)) from None
    if found.rule.noise or found.rule.uses_step_number or found.field.loss.dimension is None:
        raise Rejected("the map has noise, a schedule or no fixed dimension")
    if len(set(frozen)) != len(frozen) or not set(frozen) <= set(found.coordinates) or not found.names:
        raise Rejected("only coordinates can be frozen, each once, and not all of them")
    return found
