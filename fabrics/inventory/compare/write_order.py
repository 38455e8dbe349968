"""The order of writes: after what an object refers to, and after those whose place it takes."""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from fabrics.inventory.compare.matching import LEAVES, Matching, holders_of
from fabrics.inventory.model.existing import Id
from fabrics.inventory.model.planned import Model, Ref, Wanted
from fabrics.inventory.model.unique_index import Holders
from fabrics.inventory.plan.plan import Plan

type Wave = tuple[Wanted, ...]
"""Objects of one model, none of which waits for another."""


class Order:
    """The order for a plan. It may change who is who in `matching`, where places go round in a ring.

    `leaving` are the rows that must give up their places before anything else is written.
    """

    def __init__(self, plan: Plan, matching: Matching) -> None:
        self._plan = plan
        self._matching = matching
        self._holders = self._held()
        self._free: set[Ref] = set()
        self.leaving: set[Id] = set()
        self.waves = [wave for model in Model for wave in self._waves(self._plan_of(model)) if wave]

    def _plan_of(self, model: Model) -> list[Wanted]:
        return [each for each in self._plan.objects if each.MODEL is model]

    def _waves(self, wanted: Sequence[Wanted]) -> Iterator[Wave]:
        by_ref = {each.ref: each for each in wanted}
        sorter = self._sorted(by_ref)
        while sorter.is_active():
            ready = sorter.get_ready()
            yield tuple(by_ref[ref] for ref in sorted(ready))
            sorter.done(*ready)

    def _sorted(self, by_ref: dict[Ref, Wanted]) -> TopologicalSorter[Ref]:
        while True:
            graph = {each.ref: self._awaited(each) for each in by_ref.values()}
            sorter = TopologicalSorter(graph)
            try:
                sorter.prepare()
            except CycleError as error:
                self._open([by_ref[ref] for ref in error.args[1][:-1]])
            else:
                return sorter

    def _awaited(self, wanted: Wanted) -> set[Ref]:
        """What must be written before it, of its own model."""
        if wanted.ref in self._free:
            return set()
        rows = self._matching.rows
        refers = {
            ref
            for name, ref in wanted.references()
            if ref.model is wanted.MODEL and ref not in rows and name not in wanted.LATE
        }
        return refers | set(self._movers(wanted))

    def _movers(self, wanted: Wanted) -> Iterator[Ref]:
        """Who is in its way and moves by itself in time; whoever does not has to leave first."""
        matching = self._matching
        holders = {row for claim in wanted.claims() for row in self._holders.of(claim)}
        for row in holders - self.leaving:
            if row.model is wanted.MODEL and row not in matching.absent:
                if matching.names[row] != wanted.ref:
                    yield matching.names[row]
            elif row.model in LEAVES:
                self.leaving.add(row)

    def _open(self, ring: list[Wanted]) -> None:
        """Break a ring, in which each waits for the one before it."""
        owned = [each for each in reversed(ring) if each.ref in self._matching.rows]
        stays = ring[0].MODEL is Model.DEVICE  # what is in one cannot go to another
        fits = not stays and len(owned) == len(ring) and self._fits(owned)
        if not fits:
            if owned and owned[0].MODEL in LEAVES:
                self.leaving.add(self._matching.rows[owned[0].ref].id)
                return
            self._free.add(ring[0].ref)
        if len(owned) > 1:
            self._matching.exchange(owned)
            if owned[0].MODEL not in LEAVES:  # nothing else is part of one of those
                self._holders = self._held()

    def _held(self) -> Holders[Id]:
        rows = (*self._matching.rows.values(), *self._matching.absent.values())
        return holders_of(rows, self._matching.names)

    def _fits(self, ring: list[Wanted]) -> bool:
        """Whether none of them is in another's way once each has the row of the one after it."""
        after: Holders[Ref] = Holders()
        for each, following in zip(ring, [*ring[1:], *ring[:1]], strict=True):
            row = self._matching.rows[following.ref]
            after.add(each.ref, row.claims(self._matching.names))
        return all(
            ref == each.ref for each in ring for claim in each.claims() for ref in after.of(claim)
        )
