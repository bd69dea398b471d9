"""Instructions that follow since when columns have been settled or alternating."""

from __future__ import annotations

from sam_theory.kernels._lanes import Value
from sam_theory.kernels._layout import Rows

#: Squares of displacements decide except within this relative margin, and where they may underflow.
MARGIN, SMALL = 1e-9, 1e-250


class Watch(Rows):
    """Decides by squares of displacements, and marks where rounding of a norm may decide otherwise."""

    within: float
    tolerance: Value

    def _measure(self, old: list[Value], new: list[Value]) -> None:
        """The largest displacement of a stretch: all that has to be known of columns that stay settled."""
        lanes, d, row = self.lanes, self.layout.d, self.layout.places["moved"]
        moved = self._squared([lanes.sub(a, c) for a, c in zip(new[:d], old[:d], strict=True)])
        largest = self._load(row)
        self._store(lanes.select(lanes.less(largest, moved), moved, largest), row)

    def _watch(self, old: list[Value], new: list[Value], now: Value) -> None:
        """Decide as :class:`Monitor` does whether a column has settled or alternates, and since when."""
        lanes, b, d, places = self.lanes, self.builder, self.layout.d, self.layout.places
        earlier = [self._load(places["last"] + j) for j in range(len(new))]
        if self.layout.tolerant:
            self._decide(old, new, earlier, now)
            return
        # Mostly every column of a register has settled before, and goes on to move by next to nothing.
        moved = self._squared([lanes.sub(a, c) for a, c in zip(new[:d], old[:d], strict=True)])
        zero, small = lanes.number(0.0), lanes.number(SMALL)
        part = lanes.number(self.within * self.within * (1.0 - MARGIN))
        calm = lanes.less_equal(moved, lanes.mul(part, self._load(places["bounds"])))
        calm = lanes.both(calm, lanes.less(small, moved))
        calm = lanes.both(calm, lanes.less(zero, self._load(places["settled"])))
        back: Value = None
        for a, c in zip(new, earlier, strict=True):
            same = lanes.equal(a, c)
            back = same if back is None else lanes.both(back, same)
        usual = lanes.both(calm, lanes.opposite(back))
        with b.if_then(lanes.any(lanes.opposite(usual))):
            self._decide(old, new, earlier, now)

    def _decide(self, old: list[Value], new: list[Value], earlier: list[Value], now: Value) -> None:
        lanes, layout, places = self.lanes, self.layout, self.layout.places
        zero, d = lanes.number(0.0), layout.d
        bound = self._bound(new[:d], lanes.number(self.within), places["bounds"])
        once, moved, unclear = self._close(new[:d], old[:d], bound)
        twice, moved_twice, unclear_twice = self._close(new[:d], earlier[:d], bound)
        unclear = lanes.either(unclear, unclear_twice)
        again = lanes.both(twice, lanes.opposite(once))
        settled, cycling, recurred = (self._load(places[name]) for name in ("settled", "cycling", "recurred"))
        # Mostly every column of a register goes on as it was, and nothing has to be stored.
        changes = lanes.either(unclear, self._differ(once, lanes.less(zero, settled)))
        changes = lanes.either(changes, self._differ(again, lanes.less(zero, cycling)))
        nothing = lanes.either(lanes.equal(moved, zero), lanes.equal(moved_twice, zero))
        changes = lanes.either(changes, lanes.both(nothing, lanes.equal(recurred, zero)))
        alternates, running = again, zero
        if layout.tolerant:
            alternates, doubtful = self._alternates(new, earlier)
            running = self._load(places["running"])
            unclear = lanes.either(unclear, doubtful)
            for active in (alternates, doubtful, lanes.less(zero, running)):
                changes = lanes.either(changes, active)
        with self.builder.if_then(lanes.any(changes), likely=False):
            here = self._real(now)
            for name, since, holds in (("settled", settled, once), ("cycling", cycling, again)):
                begun = lanes.select(lanes.less(zero, since), since, here)
                self._store(lanes.select(holds, begun, zero), places[name])
            recurs = lanes.either(self._alike(new, old), self._alike(new, earlier))
            fresh = lanes.both(recurs, lanes.equal(recurred, zero))
            self._store(lanes.select(fresh, here, recurred), places["recurred"])
            self._store(lanes.select(unclear, lanes.number(1.0), self._load(places["unclear"])), places["unclear"])
            if layout.tolerant:
                self._stop(alternates, running, old, new, here)

    def _differ(self, p: Value, q: Value) -> Value:
        return self.builder.xor(p, q)

    def _bound(self, new: list[Value], within: Value, row: int) -> Value:
        """The square of what a vector may move: a part of its length now or at the start."""
        lanes = self.lanes
        size, start = self._squared(new), self._load(row)
        return lanes.mul(lanes.mul(within, within), lanes.select(lanes.less(start, size), size, start))

    def _close(self, new: list[Value], old: list[Value], bound: Value) -> tuple[Value, Value, Value]:
        """Whether a vector has moved by no more than a bound; the square of that; and where rounding may decide."""
        lanes = self.lanes
        moved, small = self._squared([lanes.sub(a, c) for a, c in zip(new, old, strict=True)]), lanes.number(SMALL)
        close = lanes.less_equal(moved, lanes.mul(bound, lanes.number(1.0 - MARGIN)))
        close = lanes.both(close, lanes.less(small, bound))
        beyond = lanes.less(lanes.mul(lanes.maximum(bound, small), lanes.number(1.0 + MARGIN)), moved)
        known = lanes.either(lanes.either(close, beyond), lanes.is_nan(moved))
        return close, moved, lanes.opposite(known)

    def _alike(self, new: list[Value], old: list[Value]) -> Value:
        """Whether two states have the same bits."""
        lanes, b = self.lanes, self.builder
        result: Value = None
        for a, c in zip(new, old, strict=True):
            same = b.icmp_signed("==", lanes.bits(a), lanes.bits(c))
            result = same if result is None else lanes.both(result, same)
        return result

    def _alternates(self, new: list[Value], earlier: list[Value]) -> tuple[Value, Value]:
        """Whether every vector of the state is back where it was two steps ago, within the tolerance."""
        lanes, d = self.lanes, self.layout.d
        found: list[tuple[Value, Value]] = []
        for v in range(len(new) // d):
            part = slice(v * d, (v + 1) * d)
            bound = self._bound(new[part], self.tolerance, self.layout.places["bounds"] + v)
            near, _, doubtful = self._close(new[part], earlier[part], bound)
            found.append((near, doubtful))
        close, unclear = found[0]
        for a, c in found[1:]:
            close, unclear = lanes.both(close, a), lanes.either(unclear, c)
        return close, unclear

    def _stop(self, alternates: Value, before: Value, old: list[Value], new: list[Value], here: Value) -> None:
        """Keep the states of columns that have alternated for three steps."""
        lanes, places, zero = self.lanes, self.layout.places, self.lanes.number(0.0)
        running = lanes.select(alternates, lanes.add(before, lanes.number(1.0)), zero)
        self._store(running, places["running"])
        stopped = self._load(places["stopped"])
        enough = lanes.less_equal(lanes.number(3.0), running)
        fresh = lanes.both(enough, lanes.equal(stopped, zero))
        self._store(lanes.select(fresh, here, stopped), places["stopped"])
        blocks = [("stop_last", new), ("stop_before", old)]
        blocks.append(("stop_sums", [self._load(places["sums"] + j) for j in range(self.layout.observed)]))
        blocks.append(("stop_since", [self._load(places[name]) for name in ("settled", "cycling")]))
        for name, values in blocks:
            for j, value in enumerate(values):
                self._store(lanes.select(fresh, value, self._load(places[name] + j)), places[name] + j)
