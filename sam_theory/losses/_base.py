"""What a loss is: a value and a gradient as programs, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp

from sam_theory.arithmetic import (
    Arithmetic,
    Dimension,
    Factored,
    Lowering,
    Program,
    Symbolic,
    Traced,
    one_sided_partial,
)
from sam_theory.arithmetic._base import Coordinates
from sam_theory.errors import InputError


@dataclass(frozen=True, slots=True)
class Facts:
    """What is declared about a loss; every entry is tested against the derivatives.

    ``alpha``, ``beta``: strong convexity and smoothness (None if unknown or not so); ``minimum``: the least
    value; ``minimisers``: points, or coordinates with free symbols for a manifold of minima;
    ``polyak_lojasiewicz``: α with ‖∇L‖² ≥ 2α(L−L*), where that is known of a loss that is not strongly convex.
    """

    alpha: Any = None
    beta: Any = None
    minimum: Any = None
    minimisers: tuple[tuple[Any, ...], ...] = ()
    polyak_lojasiewicz: Any = None


class Loss:
    r"""A loss :math:`L:\mathbb R^d\to\mathbb R`.

    A subclass gives ``name``, ``dimension`` (None: any), the programs of value and gradient, and optionally
    ``expression`` with its ``variables``.  Everything else is derived.
    """

    name: str
    dimension: int | None
    value_program: Program
    gradient_program: Program
    #: the gradient of one sample, of ``w`` and the number ``sample``; None unless the loss is a sum over samples
    sample_program: Program | None = None
    samples: int = 0
    #: the form of a loss of two matrices, by which kernels loop over its sizes; None for other losses
    factored: Factored | None = None
    abstract: bool = False
    #: names of the equal blocks of the state, e.g. the factors of a product
    blocks: tuple[str, ...] = ()
    facts: Facts = Facts()
    #: dimension of each scalar parameter; None where the loss fixes its own units and no check is possible
    dimensions: Mapping[str, Dimension] | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        if self.dimension is None:
            raise InputError(f"{self.name} has no fixed dimension")
        return tuple(f"w{i + 1}" for i in range(self.dimension))

    @cached_property
    def definition(self) -> str:
        """What the loss is, whatever it is called: equal for two losses only if they are the same function."""
        programs = (self.value_program, self.gradient_program, self.sample_program)
        return f"dimension {self.dimension}, blocks {self.blocks}: {' | '.join(p.text() for p in programs if p)}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the scalars that must be given a value before the loss can be evaluated."""
        names = (*self.value_program.inputs, *self.gradient_program.inputs)
        return tuple(dict.fromkeys(n for n in names if n != "w"))

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The scalars with the assumptions under which the loss was declared (and its formula simplified)."""
        return ()

    def coordinates(self) -> Coordinates:
        """The state as real SymPy symbols."""
        return Coordinates(sp.Symbol(v, real=True) for v in self.variables)

    def symbolic_value(self, at: Sequence[Any] | None = None) -> sp.Expr:
        """L as a SymPy expression of the coordinates (or at ``at``)."""
        w = self.coordinates() if at is None else Coordinates(map(sp.sympify, at))
        return Symbolic().run(self.value_program, self._environment(w))["result"]

    def symbolic_gradient(self, at: Sequence[Any] | None = None) -> list[sp.Expr]:
        """∇L as SymPy expressions."""
        w = self.coordinates() if at is None else Coordinates(map(sp.sympify, at))
        return list(Symbolic().run(self.gradient_program, self._environment(w))["result"])

    def _environment(self, w: Coordinates) -> dict[str, Any]:
        return {**{p: sp.Symbol(p, real=True) for p in self.parameters}, "w": w}

    @cached_property
    def hessian_expression(self) -> sp.Matrix:
        """∇²L as a SymPy matrix of the coordinates, derived from the gradient; signs count as locally constant."""
        w = list(self.coordinates())
        return sp.Matrix([[one_sided_partial(g, v) for v in w] for g in self.symbolic_gradient()])

    @cached_property
    def _hessian_program(self) -> Program:
        lowering = Lowering()
        w = lowering.input("w", "v")
        places = {v: w.emit("component", w, data=i) for i, v in enumerate(self.coordinates())}
        lowering.preset(places)
        size = self.hessian_expression.shape[0]
        outputs = {f"{i},{j}": lowering(self.hessian_expression[i, j]).index for i in range(size) for j in range(size)}
        return lowering.builder.finish(outputs)

    def hessian(self, arithmetic: Arithmetic, w: Any, env: Mapping[str, Any] | None = None) -> list[list[Any]]:
        """∇²L at ``w`` as rows of entries in ``arithmetic``."""
        entries = arithmetic.run(self._hessian_program, {**(env or {}), "w": w})
        size = self.hessian_expression.shape[0]
        return [[entries[f"{i},{j}"] for j in range(size)] for i in range(size)]

    def value(self, arithmetic: Arithmetic, w: Any, env: Mapping[str, Any] | None = None) -> Any:
        """L at ``w`` in ``arithmetic``; ``env`` gives the parameters."""
        return arithmetic.value(self, w, env or {})

    def gradient(self, arithmetic: Arithmetic, w: Any, env: Mapping[str, Any] | None = None) -> Any:
        """∇L at ``w`` in ``arithmetic``."""
        return arithmetic.grad(self, w, env or {})

    def __repr__(self) -> str:
        return f"<loss {self.name}>"


@dataclass(slots=True)
class Trace:
    """A loss program under construction: the state and the constants."""

    lowering: Lowering = field(default_factory=Lowering)

    @property
    def w(self) -> Traced:
        """The state."""
        return self.lowering.input("w", "v")

    def component(self, i: int) -> Traced:
        """Coordinate ``i`` of the state."""
        return self.w.emit("component", self.w, data=i)

    def block(self, i: int, parts: int) -> Traced:
        """Block ``i`` of the state cut into ``parts``."""
        return self.w.emit("block", self.w, data=(i, parts))

    def scalar(self, value: Any) -> Traced:
        """A SymPy expression, number or fraction as a traced scalar."""
        if isinstance(value, Fraction):
            return self.lowering.number(value)
        return self.lowering(value)

    def finish(self, result: Traced) -> Program:
        """The program with the output ``result``."""
        return self.lowering.builder.finish({"result": result.index})
