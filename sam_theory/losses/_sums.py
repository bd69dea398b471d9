"""Finite sums: losses that are the mean of losses of single samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Dimension, gradient
from sam_theory.errors import InputError
from sam_theory.losses._base import Facts
from sam_theory.losses._concrete import Expression, exact

__all__ = ["FiniteSum"]

#: the number of a sample, as a program receives it
_NUMBER = sp.Symbol("sample", real=True)


class FiniteSum(Expression):
    r""":math:`L=\tfrac1M\sum_k\ell_k`, with the gradients of its samples :math:`\ell_0,\dots,\ell_{M-1}`.

    Everything that is said of the loss is said of the mean; a rule reaches a sample by ``space.grad(w, sample=k)``.

    Parameters
    ----------
    samples : sequence of sympy.Expr or str
        The losses of the samples.
    variables : sequence of str or sympy.Symbol, optional
        The coordinates in order; default: all free symbols, sorted by name.  Other symbols are parameters.
    name, facts
        As for :class:`Expression`.
    dimensions : dict, optional
        The dimension of each parameter; without it no dimension is checked.

    Raises
    ------
    InputError
        For no samples, a parameter called ``sample``, and whatever an Expression refuses.

    Examples
    --------
    >>> loss = FiniteSum(["(x - 1)**2/2", "(x + 1)**2/2"])
    >>> loss.samples, loss.symbolic_gradient()
    (2, [x])
    """

    def __init__(
        self,
        samples: Sequence[sp.Expr | str],
        variables: Sequence[str | sp.Symbol] = (),
        *,
        name: str | None = None,
        facts: Facts | None = None,
        dimensions: Mapping[str, Dimension] | None = None,
    ) -> None:
        parts = [exact(e, "sample loss") for e in samples]
        if not parts:
            raise InputError("a finite sum needs at least one sample, e.g. FiniteSum(['(x-1)**2/2', '(x+1)**2/2'])")
        symbols = {s for e in parts for s in e.free_symbols}
        real = {s: sp.Symbol(s.name, real=True) for s in symbols if not s.is_real}
        self.parts: tuple[sp.Expr, ...] = tuple(e.xreplace(real) for e in parts)
        if any(s.name == _NUMBER.name for s in symbols):
            raise InputError("'sample' is the number of a sample; rename the parameter")
        mean = sp.expand(sp.Add(*self.parts) / len(self.parts))
        wanted = [str(v) for v in variables] or sorted({s.name for s in symbols})
        super().__init__(mean, wanted, name=name or f"mean({', '.join(map(str, self.parts))})", facts=facts)
        self.dimensions = dimensions
        self.samples = len(self.parts)
        self._symbols = [next((s for e in self.parts for s in e.free_symbols if s.name == v), v) for v in wanted]
        slopes = [gradient(e, self._symbols) for e in self.parts]
        self.sample_program = self._stacked([_chosen([g[i] for g in slopes]) for i in range(len(wanted))])

    @cached_property
    def definition(self) -> str:
        return f"{super().definition}; samples {', '.join(map(sp.srepr, self.parts))}"

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        found = set().union(*(e.free_symbols for e in self.parts)) - set(self._symbols)
        return tuple(sorted(found, key=lambda s: str(s.name)))

    @property
    def parameters(self) -> tuple[str, ...]:
        own = self.sample_program.inputs if self.sample_program is not None else ()
        return tuple(dict.fromkeys((*super().parameters, *(n for n in own if n not in ("w", _NUMBER.name)))))


def _chosen(values: Sequence[sp.Expr]) -> sp.Expr:
    """The entry of the sample: one comparison of its number for each but the last."""
    cases: list[Any] = [(e, sp.Lt(_NUMBER, sp.Rational(2 * k + 1, 2))) for k, e in enumerate(values[:-1])]
    return sp.Piecewise(*cases, (values[-1], True))
