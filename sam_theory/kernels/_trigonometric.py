"""sin, cos, tan and arctan.

x = k·π/2 + r + t with an integer k, |r| ≤ π/4 and a tail t below the last place of r; sin r = r + r·z·S(z) and
cos r = 1 − ½z + z²·C(z), z = r², with minimax polynomials S and C, which change places where k is odd; likewise
tan r = r + r·z·T(z) and −1/tan r.
Coefficients: ``benchmarks/coefficients.py``.
"""

from __future__ import annotations

from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._quadrants import remainder

_SIN = (
    -0.16666666666666666,
    0.008333333333330702,
    -0.00019841269836388123,
    2.7557315912135544e-06,
    -2.505109252573769e-08,
    1.5915322996119756e-10,
)
_COS = (
    0.041666666666666664,
    -0.0013888888888887244,
    2.4801587298533755e-05,
    -2.7557317152524094e-07,
    2.0876121655422587e-09,
    -1.1380875851025657e-11,
)
_TAN = (
    0.3333333333333333,
    0.13333333333332806,
    0.05396825396886774,
    0.021869488507960257,
    0.00886323620727528,
    0.00359211825615832,
    0.0014559262929887767,
    0.0005894376159486896,
    0.00024178883196474568,
    8.837244575478393e-05,
    5.8828196574741646e-05,
    -1.5479036352986104e-05,
    4.0535853877840556e-05,
    -2.0443869334016392e-05,
    8.9860808259175e-06,
)
_ARCTAN = (
    -0.3333333333333333,
    0.19999999999995768,
    -0.1428571428471402,
    0.11111111018778382,
    -0.09090904710852496,
    0.07692186064589565,
    -0.0666454933430796,
    0.05858458105455001,
    -0.05086974787075201,
    0.0392733081343625,
    -0.019225234760199918,
)
_TAN_EIGHTH = 2.0**0.5 - 1.0  # tan π/8
_SIGN = -(1 << 63)
_PI = float.fromhex("0x1.921fb54442d18p+1")
_PI_REST = float.fromhex("0x1.1a62633145c07p-53")


def _sin_cos(lanes: Lanes, x: Value) -> tuple[Value, Value, Value]:
    """sin and cos of the rest of |x| modulo π/2, and a word that ends in the last two bits of the quotient."""
    r, tail, quadrant = remainder(lanes, lanes.abs(x))
    z = lanes.mul(r, r)
    sin = lanes.add(r, lanes.fma(lanes.mul(r, z), lanes.polynomial(z, _SIN), tail))
    small = lanes.fma(lanes.mul(z, z), lanes.polynomial(z, _COS), lanes.neg(lanes.mul(r, tail)))
    cos = lanes.add(lanes.number(1.0), lanes.fma(z, lanes.number(-0.5), small))
    return sin, cos, quadrant


def _odd(lanes: Lanes, quadrant: Value) -> Value:
    return lanes.same(lanes.mask(quadrant, lanes.whole(1)), lanes.whole(1))


def _with_sign(lanes: Lanes, size: Value, word: Value) -> Value:
    """``size``, negated where the highest bit of the word is set."""
    return lanes.from_bits(lanes.differing(lanes.bits(size), lanes.mask(word, lanes.whole(_SIGN))))


def sin(lanes: Lanes, x: Value) -> Value:
    """sin x; no number at ±∞."""
    s, c, quadrant = _sin_cos(lanes, x)
    size = lanes.select(_odd(lanes, quadrant), c, s)
    return _with_sign(lanes, size, lanes.differing(lanes.left(quadrant, 62), lanes.bits(x)))


def cos(lanes: Lanes, x: Value) -> Value:
    """cos x; no number at ±∞."""
    s, c, quadrant = _sin_cos(lanes, x)
    size = lanes.select(_odd(lanes, quadrant), s, c)
    return _with_sign(lanes, size, lanes.left(lanes.plus(quadrant, lanes.whole(1)), 62))


def tan(lanes: Lanes, x: Value) -> Value:
    """tan x; no number at ±∞."""
    r, tail, quadrant = remainder(lanes, lanes.abs(x))
    z = lanes.mul(r, r)
    # The tail counts 1 + tan²r times, which 1 + 1.6·r² is close enough to.
    tail = lanes.fma(lanes.mul(tail, z), lanes.number(1.6), tail)
    t = lanes.add(r, lanes.fma(lanes.mul(r, z), lanes.halves(z, _TAN), tail))
    odd, one = _odd(lanes, quadrant), lanes.number(1.0)
    size = lanes.div(lanes.select(odd, one, t), lanes.select(odd, t, one))
    return _with_sign(lanes, size, lanes.differing(lanes.left(quadrant, 63), lanes.bits(x)))


def atan(lanes: Lanes, x: Value) -> Value:
    """arctan x = base + arctan t with one division for t: 0 and |x|, π/4 and (|x|−1)/(|x|+1), or π/2 and −1/|x|."""
    number = lanes.number
    size = lanes.abs(x)
    # An infinite size would make the quotients below no number; 2^60 has the same arctangent.
    size = lanes.at_most(size, 2.0**60)
    middle, far = lanes.less(number(_TAN_EIGHTH), size), lanes.less(number(1.0 / _TAN_EIGHTH), size)

    def choose(near: Value, between: Value, beyond: Value) -> Value:
        return lanes.select(far, beyond, lanes.select(middle, between, near))

    one = number(1.0)
    above = choose(size, lanes.sub(size, one), number(-1.0))
    below = choose(one, lanes.add(size, one), size)
    t = lanes.div(above, below)
    z = lanes.mul(t, t)
    rest = choose(number(0.0), number(0.25 * _PI_REST), number(0.5 * _PI_REST))
    small = lanes.fma(lanes.mul(t, z), lanes.polynomial(z, _ARCTAN), rest)
    base = choose(number(0.0), number(0.25 * _PI), number(0.5 * _PI))
    return lanes.copysign(lanes.add(base, lanes.add(t, small)), x)
