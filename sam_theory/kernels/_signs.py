"""What is known of the sign of a value from the way in which it is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sam_theory.arithmetic import Node

#: Functions with f(−z) = −f(z), those that have the sign of their argument among them, and with f(−z) = f(z).
ODD = frozenset({"sin", "tan", "atan", "sinh", "tanh", "sqrt1p_slope"})
SIGN_OF_ARGUMENT = frozenset({"atan", "sinh", "tanh", "sqrt1p_slope"})
EVEN = frozenset({"cos", "cosh", "log_cosh", "sqrt1p"})

#: A set of possible signs as bits, and whether the value is a number at all finite inputs that do not overflow.
_MINUS, _ZERO, _PLUS = 1, 2, 4
_ANY = _MINUS | _ZERO | _PLUS
Facts = tuple[int, bool]


class Signs:
    """The possible signs of nodes, found once for each.

    Parameters
    ----------
    nodes : sequence of Node
        May grow; no node may change.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self._known: list[Facts] = []

    def positive(self, i: int) -> bool:
        """Whether node i is a number above 0 at all inputs."""
        return self._at(i) == (_PLUS, True)

    def nonnegative(self, i: int) -> bool:
        """Whether node i is a number of at least 0 at all inputs."""
        signs, total = self._at(i)
        return total and not signs & _MINUS

    def total(self, i: int) -> bool:
        """Whether node i is a number at all inputs."""
        return self._at(i)[1]

    def _at(self, i: int) -> Facts:
        while len(self._known) <= i:  # arguments stand before what is made of them
            self._known.append(self._facts(self.nodes[len(self._known)]))
        return self._known[i]

    def _facts(self, node: Node) -> Facts:
        found = [self._known[j] for j in node.args]
        signs = [f[0] for f in found]
        total = all(f[1] for f in found)
        data: Any = node.data
        match node.op:
            case "number":
                return (_PLUS if data > 0 else _MINUS if data < 0 else _ZERO), True
            case "add":
                return _sum(*signs), total
            case "sub":
                return _sum(signs[0], _opposite(signs[1])), total
            case "neg":
                return _opposite(signs[0]), total
            case "mul":
                return (_square(signs[0]) if node.args[0] == node.args[1] else _product(*signs)), total
            case "div":
                return _product(*signs), total and not signs[1] & _ZERO
            case "ipow":
                return (signs[0] if data % 2 else _square(signs[0])), total and (data >= 0 or not signs[0] & _ZERO)
            case "power":
                return (_PLUS, total) if signs[0] == _PLUS else (_ANY, False)
            case "abs":
                return _square(signs[0]), total
            case "sign":
                return signs[0], total
            case "sqrt":
                return signs[0] & ~_MINUS or _ZERO, total and not signs[0] & _MINUS
            case "select":
                return signs[2] | signs[3], total
            case "call":
                return self._call(data[0], signs[0], total)
            case "norm":
                return _ZERO | _PLUS, total
        return _ANY, total and node.op != "call"

    @staticmethod
    def _call(name: Any, sign: int, total: bool) -> Facts:
        if name in ("exp", "cosh", "sqrt1p"):
            return _PLUS, total
        if name == "log_cosh":
            return _square(sign), total
        if name in SIGN_OF_ARGUMENT:
            return sign, total
        return _ANY, total and (name in ("sin", "cos", "tan") or (name == "log" and sign == _PLUS))


def _opposite(signs: int) -> int:
    return (signs & _ZERO) | (_PLUS if signs & _MINUS else 0) | (_MINUS if signs & _PLUS else 0)


def _square(signs: int) -> int:
    return (signs & _ZERO) | (_PLUS if signs & ~_ZERO else 0)


def _sum(a: int, b: int) -> int:
    if (a | b) & _MINUS and (a | b) & _PLUS:
        return _ANY
    moved = (a | b) & ~_ZERO
    return moved | (a & b & _ZERO)


def _product(a: int, b: int) -> int:
    result = (a | b) & _ZERO
    if (a & _PLUS and b & _PLUS) or (a & _MINUS and b & _MINUS):
        result |= _PLUS
    if (a & _PLUS and b & _MINUS) or (a & _MINUS and b & _PLUS):
        result |= _MINUS
    return result
