"""What machine code and batches are expected to cost, and what has no machine code."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp
from program_tools import steps

from sam_theory.arithmetic import Builder, lower
from sam_theory.dynamics import Map
from sam_theory.kernels._cost import batch_cost, compile_time, cost, unsupported
from sam_theory.kernels._functions import FUNCTIONS
from sam_theory.kernels._simplify import simplified
from sam_theory.losses import named_losses
from sam_theory.rules import gd, sam


def test_no_step_of_the_library_costs_more_when_it_is_simplified() -> None:
    for name, program in steps().items():
        assert cost(simplified(program)) <= 1.02 * cost(program), name


def test_cancelling_the_factor_is_worth_a_third_of_a_step() -> None:
    flat = Map(sam, named_losses()["log_cosh(xy)"]).flat
    assert cost(simplified(flat)) < 0.8 * cost(flat)


def test_machine_code_is_cheaper_than_batches_and_small_batches_dearer_than_large() -> None:
    for name, program in steps().items():
        assert cost(program) < batch_cost(program, 4000) < batch_cost(program, 10), name
    small, large = (Map(r, named_losses()["diagonal-network"]).flat for r in (gd, sam))
    assert compile_time(small) < compile_time(large)


def test_what_depends_on_parameters_alone_costs_nothing() -> None:
    assert cost(lower(sp.exp(sp.Symbol("eta")) * sp.Symbol("rho"))) == 0


def test_every_step_of_the_library_has_machine_code() -> None:
    assert [name for name, program in steps().items() if unsupported(program)] == []


def test_what_has_no_machine_code_is_named() -> None:
    builder = Builder()
    x = builder.emit("input", data="x", kind="s")
    unknown = builder.finish({"result": builder.emit("call", x, data=("erf", 0))})
    assert unsupported(unknown) == "the function erf has no machine code"
    huge = builder.finish({"result": builder.emit("number", data=Fraction(10**400))})
    assert unsupported(huge) == "a constant of the formula exceeds the range of float64"
    known = [builder.finish({"result": builder.emit("call", x, data=(name, 0))}) for name in FUNCTIONS]
    assert not any(map(unsupported, known))
