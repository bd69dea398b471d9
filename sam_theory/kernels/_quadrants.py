"""Remainders modulo π/2 of any float64.

Up to 2^20 three fused steps with π/2 = P1 + P2 + P3 do.  P2 has 33 bits, so that its product with k is a float64: the
first step is exact, the rounding error of the second can be computed, and the third leaves an error of 2^-119.
Beyond, x is an integer m times a power of two, and m·(2/π) modulo 4 is taken in integers from the bits of 2/π that
matter (Payne and Hanek's method): one lane after the other, in a function that is only called where a lane needs it.
"""

from __future__ import annotations

from functools import cache

from llvmlite import ir

from sam_theory.kernels._exponential import ROUND
from sam_theory.kernels._lanes import Lanes, Value

_F64, _I64, _I128 = ir.DoubleType(), ir.IntType(64), ir.IntType(128)
_P1 = float.fromhex("0x1.921fb54442d18p+0")
_P2, _P3 = float.fromhex("0x1.1a62633100000p-54"), float.fromhex("0x1.1701b839a2520p-88")
_P1_REST = float.fromhex("0x1.1a62633145c07p-54")  # P2 + P3
_TWO_OVER_PI = 0.6366197723675814
_LARGE = 2.0**20
_WORDS = 22
"""Words of 64 bits of 2/π: one of zeros before its point, the rest behind."""


def remainder(lanes: Lanes, x: Value) -> tuple[Value, Value, Value]:
    """(r, tail, quadrant) for x ≥ 0: x = k·π/2 + r + tail, and ``quadrant`` ends in the last two bits of k."""
    number = lanes.number
    rounded = lanes.fma(x, number(_TWO_OVER_PI), number(ROUND))
    k = lanes.sub(rounded, number(ROUND))
    first = lanes.fma(k, number(-_P1), x)
    r = lanes.fma(k, number(-_P2), first)
    tail = lanes.fma(k, number(-_P3), lanes.fma(k, number(-_P2), lanes.sub(first, r)))
    huge = lanes.both(lanes.less(number(_LARGE), x), lanes.less(x, number(float("inf"))))
    usual = (r, tail, lanes.bits(rounded))
    return lanes.rarely(huge, usual, lambda: _far(lanes, lanes.select(huge, x, number(2.0 * _LARGE))))


def _far(lanes: Lanes, x: Value) -> tuple[Value, ...]:
    """The same where every lane is at least 2^20 and finite."""
    builder = lanes.builder
    results = builder.call(_function(lanes), [x])
    return tuple(builder.extract_value(results, i) for i in range(3))


def _function(lanes: Lanes) -> ir.Function:
    """The function of the module that takes a register apart and finds the remainder of each lane."""
    module, name = lanes.builder.module, f"remainders.{lanes.width}"
    function = module.globals.get(name)
    if function is not None:
        return function
    kinds = [lanes.real, lanes.real, lanes.integer]
    function = ir.Function(module, ir.FunctionType(ir.LiteralStructType(kinds), [lanes.real]), name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    # Registers are taken apart in memory: element i of a register is element i of an array.
    given = builder.alloca(lanes.real)
    found = [builder.alloca(kind) for kind in kinds]
    builder.store(function.args[0], given)

    def element(register: Value, kind: ir.Type, lane: Value) -> Value:
        return builder.gep(builder.bitcast(register, kind.as_pointer()), [lane])

    entry, body, done = builder.block, function.append_basic_block("lane"), function.append_basic_block("done")
    builder.branch(body)
    builder.position_at_end(body)
    lane = builder.phi(_I64)
    lane.add_incoming(_I64(0), entry)
    results = _scalar(builder, builder.load(element(given, _F64, lane)))
    for register, value in zip(found, results, strict=True):
        builder.store(value, element(register, value.type, lane))
    following = builder.add(lane, _I64(1))
    lane.add_incoming(following, body)
    builder.cbranch(builder.icmp_unsigned("<", following, _I64(lanes.width)), body, done)
    builder.position_at_end(done)
    packed = ir.Constant(ir.LiteralStructType(kinds), ir.Undefined)
    for i, register in enumerate(found):
        packed = builder.insert_value(packed, builder.load(register), i)
    builder.ret(packed)
    return function


def _scalar(builder: ir.IRBuilder, x: Value) -> tuple[Value, Value, Value]:
    """(r, tail, quadrant) of one x = m·2^s, as a real of 64 bits."""
    bits = builder.bitcast(x, _I64)
    biased = builder.lshr(bits, _I64(52))
    m = builder.or_(builder.and_(bits, _I64((1 << 52) - 1)), _I64(1 << 52))
    # With s = biased − 1075, the bits of 2/π before place s−2 contribute multiples of 4.  A word of zeros stands
    # before the point, so that place is bit s + 62 of the table.
    place = builder.sub(biased, _I64(1075 - 62))
    at, shift = builder.lshr(place, _I64(6)), builder.and_(place, _I64(63))
    table = _table(builder.module)
    words = [builder.load(builder.gep(table, [_I64(0), builder.add(at, _I64(j))])) for j in range(4)]
    funnel = builder.module.declare_intrinsic("llvm.fshl", [_I64], ir.FunctionType(_I64, [_I64] * 3))
    window = [builder.call(funnel, [words[j], words[j + 1], shift]) for j in range(3)]

    def wide(n: Value) -> Value:
        return builder.zext(n, _I128)

    # m times 192 bits, modulo 2^192 and without the last 64: two bits of the quadrant, then 126 of a fraction.
    top = builder.shl(wide(builder.mul(m, window[0])), _I128(64))
    bottom = builder.lshr(builder.mul(wide(m), wide(window[2])), _I128(64))
    product = builder.add(builder.add(top, builder.mul(wide(m), wide(window[1]))), bottom)
    quadrant = builder.lshr(builder.add(product, _I128(1 << 125)), _I128(126))
    fraction = builder.sub(product, builder.shl(quadrant, _I128(126)))
    negative = builder.icmp_signed("<", fraction, _I128(0))
    size = builder.select(negative, builder.neg(fraction), fraction)
    # No float64 comes closer to a multiple of π/2 than 2^-62: the leading 53 + 63 bits of the size are meaningful.
    count = builder.module.declare_intrinsic("llvm.ctlz", [_I128], ir.FunctionType(_I128, [_I128, ir.IntType(1)]))
    zeros = builder.call(count, [size, ir.IntType(1)(0)])
    size = builder.shl(size, zeros)
    lead = builder.sitofp(builder.trunc(builder.lshr(size, _I128(75)), _I64), _F64)
    after = builder.and_(builder.trunc(builder.lshr(size, _I128(12)), _I64), _I64((1 << 63) - 1))
    rest = builder.fmul(builder.sitofp(after, _F64), _F64(2.0**-63))
    # times π/2 and a power of two
    one = Lanes(builder, 1)
    r = one.mul(lead, one.number(_P1))
    tail = one.fma(lead, one.number(_P1), one.neg(r))
    tail = one.add(tail, one.fma(lead, one.number(_P1_REST), one.mul(rest, one.number(_P1))))
    scale = one.left(one.minus(one.whole(1023 - 51), builder.trunc(zeros, _I64)), 52)
    scale = one.copysign(one.from_bits(scale), builder.select(negative, _F64(-1.0), _F64(1.0)))
    return one.mul(r, scale), one.mul(tail, scale), builder.trunc(quadrant, _I64)


def _table(module: ir.Module) -> Value:
    """2/π as words of 64 bits, the highest first."""
    known = module.globals.get("two_over_pi")
    if known is not None:
        return known
    kind = ir.ArrayType(_I64, _WORDS)
    table = ir.GlobalVariable(module, kind, "two_over_pi")
    table.global_constant, table.linkage = True, "internal"
    whole = _two_over_pi(64 * (_WORDS - 1))
    words = [whole >> 64 * i & (1 << 64) - 1 for i in reversed(range(_WORDS))]
    table.initializer = ir.Constant(kind, words)
    return table


@cache
def _two_over_pi(bits: int) -> int:
    """The integer part of 2^bits·2/π, from π = 16·arctan 1/5 − 4·arctan 1/239 in integers."""
    one = 1 << bits + 64

    def arctan_of_reciprocal(n: int) -> int:
        total, power, k = 0, one // n, 1
        while power:
            total += power // k if k % 4 == 1 else -(power // k)
            power //= n * n
            k += 2
        return total

    pi = 16 * arctan_of_reciprocal(5) - 4 * arctan_of_reciprocal(239)
    return (2 * one << bits) // pi
