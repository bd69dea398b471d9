"""Operations on a register of ``width`` float64 lanes, as LLVM instructions: the alphabet of every kernel.

No operation is reassociated, contracted or approximated: lane i of a result depends on lane i of the arguments
alone, and has the same bits at every width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from llvmlite import ir

Value = Any
"""An LLVM value: a register of reals (``Lanes.real``), of 64-bit integers (``Lanes.integer``) or of truth values."""


class Lanes:
    """Appends operations on registers to an LLVM block.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
        Where the instructions go.
    width : int
        Lanes of a register, at least 1; a register of one lane is a scalar.
    """

    def __init__(self, builder: ir.IRBuilder, width: int) -> None:
        self.builder, self.width = builder, width
        self.real = self._register(ir.DoubleType())
        self.integer = self._register(ir.IntType(64))
        self.truth = self._register(ir.IntType(1))
        self._suffix = "f64" if width == 1 else f"v{width}f64"

    def _register(self, element: ir.Type) -> ir.Type:
        return element if self.width == 1 else ir.VectorType(element, self.width)

    # -- constants ---------------------------------------------------------------------------------------
    def number(self, value: float | Fraction) -> Value:
        """The same real in every lane; a Fraction is rounded to the nearest float64."""
        return self._constant(self.real, float(value))

    def whole(self, value: int) -> Value:
        """The same 64-bit integer in every lane, e.g. a mask of bits; negative or unsigned."""
        return self._constant(self.integer, value)

    def _constant(self, kind: ir.Type, value: float) -> Value:
        return ir.Constant(kind, value if self.width == 1 else [value] * self.width)

    def spread(self, number: Value) -> Value:
        """One number, known when the code runs, in every lane."""
        if self.width == 1:
            return number
        word = ir.IntType(32)
        nothing = ir.Constant(self.real, ir.Undefined)
        one = self.builder.insert_element(nothing, number, ir.Constant(word, 0))
        return self.builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(word, self.width), [0] * self.width))

    # -- reals -------------------------------------------------------------------------------------------
    def add(self, a: Value, b: Value) -> Value:
        """a + b."""
        return self.builder.fadd(a, b)

    def sub(self, a: Value, b: Value) -> Value:
        """a − b."""
        return self.builder.fsub(a, b)

    def mul(self, a: Value, b: Value) -> Value:
        """a·b."""
        return self.builder.fmul(a, b)

    def div(self, a: Value, b: Value) -> Value:
        """a/b."""
        return self.builder.fdiv(a, b)

    def neg(self, a: Value) -> Value:
        """−a."""
        return self.builder.fneg(a)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a·b + c, rounded once."""
        return self.call("fma", a, b, c)

    def sqrt(self, a: Value) -> Value:
        """√a, correctly rounded; no number below 0."""
        return self.call("sqrt", a)

    def abs(self, a: Value) -> Value:
        """|a|."""
        return self.call("fabs", a)

    def copysign(self, size: Value, sign: Value) -> Value:
        """|size| with the sign of ``sign``."""
        return self.call("copysign", size, sign)

    def rint(self, a: Value) -> Value:
        """The nearest integer as a real, ties to even."""
        return self.call("rint", a)

    def minimum(self, a: Value, b: Value) -> Value:
        """The smaller; no number where either is none, as in NumPy."""
        return self.select(self.is_nan(a), a, self.select(self.less(a, b), a, b))

    def maximum(self, a: Value, b: Value) -> Value:
        """The larger; no number where either is none, as in NumPy."""
        return self.select(self.is_nan(a), a, self.select(self.less(b, a), a, b))

    def at_most(self, a: Value, bound: float) -> Value:
        """The smaller of a and a number; no number stays none."""
        return self.select(self.less(self.number(bound), a), self.number(bound), a)

    def at_least(self, a: Value, bound: float) -> Value:
        """The larger of a and a number; no number stays none."""
        return self.select(self.less(a, self.number(bound)), self.number(bound), a)

    def call(self, name: str, *args: Value) -> Value:
        """The intrinsic ``llvm.<name>`` on registers of reals."""
        module = self.builder.module
        full = f"llvm.{name}.{self._suffix}"
        function = module.globals.get(full)
        if function is None:
            kind = ir.FunctionType(self.real, [self.real] * len(args))
            function = ir.Function(module, kind, full)
        return self.builder.call(function, args)

    # -- comparisons: false where an argument is no number -----------------------------------------------
    def less(self, a: Value, b: Value) -> Value:
        """a < b."""
        return self.builder.fcmp_ordered("<", a, b)

    def less_equal(self, a: Value, b: Value) -> Value:
        """a ≤ b."""
        return self.builder.fcmp_ordered("<=", a, b)

    def equal(self, a: Value, b: Value) -> Value:
        """a = b."""
        return self.builder.fcmp_ordered("==", a, b)

    def is_nan(self, a: Value) -> Value:
        """Whether a is no number."""
        return self.builder.fcmp_unordered("uno", a, a)

    def both(self, p: Value, q: Value) -> Value:
        """p and q, of truth values."""
        return self.builder.and_(p, q)

    def either(self, p: Value, q: Value) -> Value:
        """p or q, of truth values."""
        return self.builder.or_(p, q)

    def opposite(self, p: Value) -> Value:
        """not p."""
        return self.builder.not_(p)

    def select(self, condition: Value, then: Value, otherwise: Value) -> Value:
        """``then`` in the lanes where ``condition`` holds, ``otherwise`` elsewhere."""
        return self.builder.select(condition, then, otherwise)

    def any(self, p: Value) -> Value:
        """Whether p holds in a lane: one truth value for the register."""
        if self.width == 1:
            return p
        word = ir.IntType(self.width)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(p, word), ir.Constant(word, 0))

    def rarely(
        self, condition: Value, usual: Sequence[Value], other: Callable[[], Sequence[Value]]
    ) -> tuple[Value, ...]:
        """``usual``, and in the lanes where ``condition`` holds what ``other`` appends, executed if it holds in one.

        A lane's result does not depend on what the other lanes made necessary.
        """

        def mixed() -> list[Value]:
            return [self.select(condition, a, b) for a, b in zip(other(), usual, strict=True)]

        return self.branch(self.any(condition), usual, mixed)

    def branch(
        self, flag: Value, usual: Sequence[Value], other: Callable[[], Sequence[Value]], likely: bool = False
    ) -> tuple[Value, ...]:
        """``usual``, or what ``other`` appends where the one truth value ``flag`` holds, executed only then.

        Ends the block of the builder and goes on in a new one.
        """
        before = self.builder.block
        with self.builder.if_then(flag, likely=likely):
            results = other()
            inside = self.builder.block
        merged = []
        for a, b in zip(usual, results, strict=True):
            phi = self.builder.phi(a.type)
            phi.add_incoming(a, before)
            phi.add_incoming(b, inside)
            merged.append(phi)
        return tuple(merged)

    # -- bits --------------------------------------------------------------------------------------------
    def bits(self, a: Value) -> Value:
        """The bits of a real as an integer."""
        return self.builder.bitcast(a, self.integer)

    def from_bits(self, n: Value) -> Value:
        """The real with these bits."""
        return self.builder.bitcast(n, self.real)

    def from_integer(self, n: Value) -> Value:
        """A 64-bit integer as a real."""
        return self.builder.sitofp(n, self.real)

    # -- integers, modulo 2^64 ---------------------------------------------------------------------------
    def plus(self, m: Value, n: Value) -> Value:
        """m + n."""
        return self.builder.add(m, n)

    def minus(self, m: Value, n: Value) -> Value:
        """m − n."""
        return self.builder.sub(m, n)

    def mask(self, m: Value, n: Value) -> Value:
        """The bits that m and n share."""
        return self.builder.and_(m, n)

    def differing(self, m: Value, n: Value) -> Value:
        """The bits in which m and n differ."""
        return self.builder.xor(m, n)

    def left(self, n: Value, places: int) -> Value:
        """The bits moved up by ``places``."""
        return self.builder.shl(n, self.whole(places))

    def right(self, n: Value, places: int) -> Value:
        """The bits moved down by ``places``, the sign repeated."""
        return self.builder.ashr(n, self.whole(places))

    def logical_right(self, n: Value, places: int) -> Value:
        """The bits moved down by ``places``, zeros above."""
        return self.builder.lshr(n, self.whole(places))

    def same(self, m: Value, n: Value) -> Value:
        """m = n."""
        return self.builder.icmp_signed("==", m, n)

    # -- polynomials -------------------------------------------------------------------------------------
    def polynomial(self, x: Value, coefficients: Sequence[float]) -> Value:
        """Σ c_k x^k, by Horner's rule with fused operations; the constant term first."""
        result = self.number(coefficients[-1])
        for c in reversed(coefficients[:-1]):
            result = self.fma(result, x, self.number(c))
        return result

    def halves(self, x: Value, coefficients: Sequence[float]) -> Value:
        """Σ c_k x^k by halving (Estrin's scheme): a few operations more than Horner's rule, which finish sooner."""
        terms = [self.number(c) for c in coefficients]
        power = x
        while len(terms) > 1:
            pairs = [self.fma(b, power, a) for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[len(terms) - len(terms) % 2 :]
            power = self.mul(power, power) if len(terms) > 1 else power
        return terms[0]


Emit = Callable[[Lanes, Value], Value]
"""What stands for an elementary function in a kernel: it appends the function of a register to a block."""
