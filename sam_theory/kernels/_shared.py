"""What several products and quotients of a program have in common, computed once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sam_theory.arithmetic import Node, Program
from sam_theory.kernels._graph import Graph
from sam_theory.kernels._jumps import delicate


class Sharing:
    """Products ab·c of which several contain the same two factors, and quotients by one denominator.

    (pt)η and (qt)η become p(tη) and q(tη); a/n and b/n become a·n⁻¹ and b·n⁻¹.  Two factors that depend on parameters
    alone are always brought together: a loop computes them once.  What is delicate keeps its roundings.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.uses = Counter(j for n in program.nodes for j in n.args)
        self.uses.update(i for _, i in program.outputs)
        self.invariant = invariant(program)
        self.kept = delicate(program)
        self.products = self._products()
        self.denominators = self._denominators()

    @property
    def found(self) -> bool:
        """Whether there is anything to share."""
        return bool(self.products or self.denominators)

    def _products(self) -> dict[int, tuple[int, int, int]]:
        """Node -> p, t, η where it is better computed as p(tη)."""
        nodes = self.program.nodes
        candidates: dict[int, list[tuple[int, int, int]]] = {}
        for i, node in self.program:
            for position, j in enumerate(node.args) if node.op == "mul" and not self.kept[i] else ():
                if nodes[j].op == "mul" and self.uses[j] == 1 and not self.invariant[j]:
                    a, b = nodes[j].args
                    c = node.args[1 - position]
                    candidates.setdefault(i, []).extend([(a, b, c), (b, a, c)])
        pairs = [{frozenset(triple[1:]) for triple in triples} for triples in candidates.values()]
        count = Counter(pair for own in pairs for pair in own)  # by how many products
        best = {}
        for i, triples in candidates.items():
            worth = {t: (self._fixed(t), count[frozenset(t[1:])]) for t in triples}
            triple = max(worth, key=lambda t: worth[t])
            fixed, times = worth[triple]
            if fixed or times > 1:
                best[i] = triple
        return best

    def _fixed(self, triple: tuple[int, int, int]) -> bool:
        """Whether the two factors depend on parameters alone, and the third does not."""
        p, t, eta = triple
        return self.invariant[t] and self.invariant[eta] and not self.invariant[p]

    def _denominators(self) -> frozenset[int]:
        """Denominators of several quotients, or of one in a loop that they do not depend on."""
        nodes = self.program.nodes
        below = Counter(n.args[1] for i, n in self.program if self._quotient(i))
        powers = [i for i in below if nodes[i].op == "ipow" and nodes[i].data in (2, 3)]
        below.update(nodes[i].args[0] for i in powers if nodes[i].args[0] in below)
        moving = {n.args[1] for i, n in self.program if self._quotient(i) and not self.invariant[i]}
        return frozenset(i for i, times in below.items() if times > 1 or (self.invariant[i] and i in moving))

    def _quotient(self, i: int) -> bool:
        """Whether node ``i`` is a quotient that may be rounded otherwise, and no reciprocal."""
        node = self.program.nodes[i]
        if node.op != "div" or self.kept[i]:
            return False
        above = self.program.nodes[node.args[0]]
        return above.op != "number" or above.data != 1

    def special(self, graph: Graph, i: int, node: Node, values: list[Any]) -> Any:
        """Node ``i`` with what it shares, from the values of the nodes before it; None where it shares nothing."""
        if i in self.products:
            p, t, eta = self.products[i]
            return graph.make("mul", values[p], graph.make("mul", values[t], values[eta]))
        if not self._quotient(i):
            return None
        above, below = node.args
        root = self.program.nodes[below]
        if root.op == "ipow" and root.data in (2, 3) and root.args[0] in self.denominators:
            power = graph.make("ipow", self._inverse(graph, values[root.args[0]]), data=root.data)
            return graph.make("mul", values[above], power)
        if below in self.denominators:
            return graph.make("mul", values[above], self._inverse(graph, values[below]))
        return None

    @staticmethod
    def _inverse(graph: Graph, i: int) -> int:
        return graph.make("div", graph.number(1), i)


def invariant(program: Program) -> list[bool]:
    """For each node whether it depends on parameters alone, and on neither coordinates (``w:0``) nor the time."""
    found: list[bool] = []
    for _, node in program:
        own = node.op != "input" or not (":" in str(node.data) or node.data in ("k", "t"))
        found.append(own and all(found[j] for j in node.args))
    return found
