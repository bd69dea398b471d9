r"""Common factors of vectors: :math:`cv/\|cv\|=\operatorname{sgn}(c)\,v/\|v\|`, so that c need not be computed.

The gradient of ℓ(xy) is ℓ'(xy)·(y, x): its direction needs the sign of ℓ' alone, which for tanh is that of xy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from sam_theory.kernels._graph import Graph
from sam_theory.kernels._signs import SIGN_OF_ARGUMENT

#: Powers of nodes whose product something is.
Powers = dict[int, int]

#: Sums nested deeper than this are taken as they are.
_DEPTH = 100


class Factors:
    """Products taken apart, in the nodes of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._powers: dict[int, Powers] = {}
        self._sums: dict[int, tuple[Powers, int]] = {}
        self._depth: dict[int, int] = {}

    # -- taking apart ------------------------------------------------------------------------------------
    def of(self, i: int) -> Powers:
        """The factors of node ``i`` besides constants; one of a negative power is positive."""
        known = self._powers.get(i)
        if known is None:
            known = self._powers[i] = {a: e for a, e in self._found(i).items() if e}
        return known

    def _found(self, i: int) -> Powers:
        node = self.graph.node(i)
        self._depth[i] = 0
        match node.op:
            case "number":
                return {}
            case "neg":
                return self.of(node.args[0])
            case "mul":
                return _times(*map(self.of, node.args))
            case "ipow" if isinstance(node.data, int) and node.data > 0:
                return {f: e * node.data for f, e in self.of(node.args[0]).items()}
            case "div" if self.graph.signs.positive(node.args[1]):
                above, below = map(self.of, node.args)
                return _times(above, {f: -e for f, e in below.items()})
            case "add" | "sub":
                common = self._worth(shared([self.of(j) for j in node.args]))
                depth = 1 + max(self._depth.get(j, 0) for j in node.args)
                if common and depth <= _DEPTH:
                    self._depth[i] = depth
                    rest = self.graph.make(node.op, *(self.without(j, common) for j in node.args))
                    self._sums[i] = common, rest
                    return _times(common, self.of(rest))
        return {i: 1}

    def without(self, i: int, powers: Mapping[int, int]) -> int:
        """Node ``i`` divided by factors that it has."""
        wanted = {f: e for f, e in powers.items() if e}
        if not wanted:
            return i
        graph, node = self.graph, self.graph.node(i)
        if i in self.of(i):
            return graph.number(1)
        match node.op:
            case "mul":
                first = _part(self.of(node.args[0]), wanted)
                second = {f: e - first.get(f, 0) for f, e in wanted.items()}
                return graph.make("mul", self.without(node.args[0], first), self.without(node.args[1], second))
            case "div":
                above, below = node.args
                first = _part(self.of(above), {f: e for f, e in wanted.items() if e > 0})
                second = {f: first.get(f, 0) - e for f, e in wanted.items()}
                return graph.make("div", self.without(above, first), self.without(below, second))
            case "ipow":
                return self._root(i, wanted)
            case "add" | "sub":
                common, rest = self._sums[i]
                first = _part(common, wanted)
                rest = self.without(rest, {f: e - first.get(f, 0) for f, e in wanted.items()})
                return self._product({f: e - first.get(f, 0) for f, e in common.items()}, rest)
        return graph.make("neg", self.without(node.args[0], wanted))

    def _worth(self, powers: Powers) -> Powers:
        """The factors for which a sum is rearranged: those that cost more than the rounding of the sum is worth."""
        return {f: e for f, e in powers.items() if self.graph.node(f).op in ("call", "power", "sqrt")}

    def _product(self, powers: Mapping[int, int], rest: int) -> int:
        graph = self.graph
        for f, e in powers.items():
            if e:
                rest = graph.make("mul", graph.make("ipow", f, data=e), rest)
        return rest

    def _root(self, i: int, wanted: Powers) -> int:
        """A power divided by powers of the factors of its base."""
        graph, node = self.graph, self.graph.node(i)
        base, exponent = node.args[0], node.data
        assert isinstance(exponent, int)
        have = self.of(base)
        rest = graph.make("ipow", self.without(base, {f: have[f] for f in wanted}), data=exponent)
        return self._product({f: have[f] * exponent - e for f, e in wanted.items()}, rest)

    # -- directions --------------------------------------------------------------------------------------
    def direction(self, v: tuple[int, ...]) -> tuple[int | None, tuple[int, ...]]:
        """A sign and a shorter vector, whose product has the direction of ``v``; None for the sign 1."""
        graph = self.graph
        moving = [i for i in v if graph.constant(i) != 0]
        if not moving:
            return None, v
        common = shared([self.of(i) for i in moving])
        rest = tuple(i if graph.constant(i) == 0 else self.without(i, common) for i in v)
        rest = self._even(rest)
        return self.sign(common), rest

    def _even(self, v: tuple[int, ...]) -> tuple[int, ...]:
        """The vector without a constant that stands before every coordinate."""
        graph = self.graph
        sizes = {abs(self._coefficient(i)) for i in v if graph.constant(i) != 0}
        if len(sizes) != 1 or sizes == {1}:
            return v
        inverse = graph.number(1 / sizes.pop())
        return tuple(graph.make("mul", inverse, i) for i in v)

    def _coefficient(self, i: int) -> Fraction:
        node, c = self.graph.node(i), self.graph.constant(i)
        if c is not None:
            return c
        if node.op == "neg":
            return -self._coefficient(node.args[0])
        found = [c for j in node.args if (c := self.graph.constant(j)) is not None] if node.op == "mul" else []
        return found[0] if found else Fraction(1)

    def sign(self, powers: Mapping[int, int]) -> int | None:
        """The sign of a product; None for 1."""
        graph = self.graph
        result: int | None = None
        for f, e in powers.items():
            if graph.signs.positive(f):
                continue
            while graph.is_a(f, "call") and self._keeps_sign(f):
                f = graph.node(f).args[0]
            one = graph.make("sign", f)
            if e % 2 == 0:
                one = graph.make("abs", one)
            result = one if result is None else graph.make("mul", result, one)
        return result

    def _keeps_sign(self, i: int) -> bool:
        data = self.graph.node(i).data
        return isinstance(data, tuple) and data[0] in SIGN_OF_ARGUMENT

    def simpler_sign(self, i: int) -> int | None:
        """The sign of node ``i`` through that of its factors, if a factor is then not computed; None otherwise."""
        graph, powers = self.graph, self.of(i)
        useless = [f for f in powers if graph.signs.positive(f) or (graph.is_a(f, "call") and self._keeps_sign(f))]
        if not useless:
            return None
        sign, rest = self.sign(powers), self.without(i, powers)
        outer = graph.make("sign", rest)
        return outer if sign is None else graph.make("mul", sign, outer)


def shared(powers: Iterable[Powers]) -> Powers:
    """The factors that all have, each in the power nearest to 0."""
    first, *others = powers
    common = dict(first)
    for other in others:
        common = _part(other, common)
    return common


def _times(a: Powers, b: Powers) -> Powers:
    return {f: a.get(f, 0) + b.get(f, 0) for f in (*a, *b)}


def _part(have: Mapping[int, int], wanted: Mapping[int, int]) -> Powers:
    """What of the wanted powers is there."""
    found = {}
    for f, e in wanted.items():
        h = have.get(f, 0)
        if h * e > 0:
            found[f] = min(h, e, key=abs)
    return found
