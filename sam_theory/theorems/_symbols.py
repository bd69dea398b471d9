"""The symbols and vectors in which statements are written."""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import Vec, VectorSymbol, value

eta = sp.Symbol("eta", positive=True)
rho = sp.Symbol("rho", nonnegative=True)
alpha = sp.Symbol("alpha", positive=True)
beta = sp.Symbol("beta", positive=True)
lam = sp.Symbol("lam", positive=True)
eps = sp.Symbol("eps", nonnegative=True)

#: the step number along a trajectory
t = sp.Symbol("t", integer=True, nonnegative=True)

#: the state, its image under one step, the start of the trajectory, a minimiser of the loss
w = VectorSymbol("w")
w_next = VectorSymbol("w_next")
w_start = VectorSymbol("w_start")
w_star = VectorSymbol("w_star")

#: the two blocks of the state of a product loss, and their images
x = VectorSymbol("x")
y = VectorSymbol("y")
x_next = VectorSymbol("x_next")
y_next = VectorSymbol("y_next")


def gap(v: Vec) -> sp.Expr:
    """The excess loss L(v) − L*."""
    return value(v) - value(w_star)
