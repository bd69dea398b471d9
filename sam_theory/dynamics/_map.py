"""A map: a rule on a loss.  Its step in every arithmetic, its Jacobian, its orbits of period 1 and 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Arithmetic, Bind, Coordinates, Flatten, Program, Symbolic, one_sided_partial
from sam_theory.dynamics._sides import sides_at
from sam_theory.errors import InputError
from sam_theory.losses import Loss
from sam_theory.rules import Rule


@dataclass(frozen=True)
class Map:
    r"""The dynamical system :math:`w_{t+1}=F(w_t)` of ``rule`` on ``loss``."""

    rule: Rule
    loss: Loss

    def __post_init__(self) -> None:
        self.rule.check_loss(self.loss)

    def __reduce__(self) -> Any:
        return Map, (self.rule, self.loss)  # without the code that was made on the way

    @property
    def parameters(self) -> tuple[str, ...]:
        """All scalars that a step needs besides its noise, those of the rule first.

        A loss may depend on the noise of the rule: it then stands for the sample that the noise picks.
        """
        own = () if self.loss.abstract else (n for n in self.loss.parameters if n not in self.rule.noise)
        return tuple(dict.fromkeys((*self.rule.parameters, *own)))

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the state vectors; the first is the iterate."""
        return self.rule.state

    def step(self, arithmetic: Arithmetic, state: Mapping[str, Any], env: Mapping[str, Any]) -> dict[str, Any]:
        """One step in ``arithmetic``: vectors in ``state``, parameters (and ``k``, noise) in ``env``."""
        return arithmetic.run(self.rule.program, {**env, **state}, self.loss)

    def stepper(self, arithmetic: Arithmetic, env: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """:meth:`step` as a function of the state (and ``k``, noise) at these parameters, for many steps."""
        bind = self._binders.get(type(arithmetic))
        if bind is None:
            varying = (*self.state, *self.rule.noise, *(("k",) if self.rule.uses_step_number else ()))
            bind = self._binders[type(arithmetic)] = arithmetic.binder(self.rule.program, self.loss, varying)
        return bind(arithmetic, env)

    @cached_property
    def _binders(self) -> dict[type, Bind]:
        """The step as code with its parameters bound, by class of arithmetics."""
        return {}

    # -- in coordinates ----------------------------------------------------------------------------------
    def symbols(self) -> dict[str, sp.Symbol]:
        """The parameters (and ``k``, noise) as real symbols."""
        names = (*self.parameters, *self.rule.noise, *(("k",) if self.rule.uses_step_number else ()))
        return {n: sp.Symbol(n, real=True) for n in names}

    def state_symbols(self) -> dict[str, Coordinates]:
        """The state as symbols: the loss's coordinates for the iterate, ``v_x`` for a further ``v``."""
        names = self.loss.variables
        result = {self.state[0]: self.loss.coordinates()}
        for v in self.state[1:]:
            result[v] = Coordinates(sp.Symbol(f"{v}_{n}", real=True) for n in names)
        return result

    def symbolic_step(self, at: Mapping[str, Sequence[sp.Expr]] | None = None) -> dict[str, Coordinates]:
        """The next state as SymPy expressions of the current one (or at ``at``)."""
        return self._symbolic_step(Symbolic(), at)

    def _symbolic_step(
        self, arithmetic: Symbolic, at: Mapping[str, Sequence[sp.Expr]] | None
    ) -> dict[str, Coordinates]:
        state = self.state_symbols() if at is None else {n: Coordinates(v) for n, v in at.items()}
        return self.step(arithmetic, state, self.symbols())

    @cached_property
    def jacobian(self) -> sp.Matrix:
        """The derivative of one step in the state symbols; signs count as locally constant."""
        step = self.symbolic_step()
        rows = [e for v in self.state for e in step[v]]
        columns = [s for v in self.state_symbols().values() for s in v]
        return sp.Matrix([[one_sided_partial(e, s) for s in columns] for e in rows])

    def jacobian_at(self, point: Sequence[Any]) -> sp.Matrix:
        """The Jacobian at a point of the whole state, where the map is differentiable.

        Raises InputError for a point of wrong dimension, or where the branches of a sign or an absolute value
        that vanishes there do not fit together.
        """
        step = self.symbolic_step()
        rows = [e for v in self.state for e in step[v]]
        columns = [s for v in self.state_symbols().values() for s in v]
        if len(point) != len(columns):
            raise InputError(f"the state has {len(columns)} coordinates, the point {len(point)}")
        sides = sides_at(rows, columns, point)
        at = dict(zip(columns, map(sp.sympify, point), strict=True))
        image = [e.xreplace(at).doit() for e in rows]
        steady = all(sp.simplify(a - b) == 0 for side in sides.images for a, b in zip(side, image, strict=True))
        if not steady or any(sp.simplify(m - sides.jacobians[0]) != sp.zeros(*m.shape) for m in sides.jacobians[1:]):
            raise InputError(f"the map is not differentiable at ({', '.join(map(str, point))})")
        return sides.jacobians[0]

    @cached_property
    def flat(self) -> Program:
        """One step as a program of scalars: inputs are coordinates (``w:0``, …), parameters, ``k``, noise."""
        if self.loss.dimension is None:
            raise InputError(f"{self.loss.name} has no fixed dimension; choose one")
        arithmetic = Flatten()
        state = {v: Coordinates(arithmetic.input(f"{v}:{i}") for i in range(self.loss.dimension)) for v in self.state}
        env = {n: arithmetic.input(n) for n in self.symbols()}
        result = self.step(arithmetic, state, env)
        return arithmetic.finish({f"{v}:{i}": e for v in self.state for i, e in enumerate(result[v])})
