"""The order of writes: after what an object refers to, and after those whose place it takes."""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from fabrics.inventory.compare.matching import RELEASE_VALUES, Matching, index_unique_keys
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.model.unique_index import UniqueIndex
from fabrics.inventory.plan.plan import Plan

type Wave = tuple[PlannedObject, ...]
"""Objects of one model, none of which waits for another."""


class WriteOrder:
    """The order for a plan. It may change who is who in `matching`, where places go round in a ring.

    `to_release` are the rows that must give up their places before anything else is written.
    """

    def __init__(self, plan: Plan, matching: Matching) -> None:
        self._plan = plan
        self._matching = matching
        self._unique_index = self._build_unique_index()
        self._unblocked: set[Ref] = set()
        self.to_release: set[ObjectId] = set()
        self.waves = [
            wave
            for model in Model
            for wave in self._sort_into_waves(self._select_model(model))
            if wave
        ]

    def _select_model(self, model: Model) -> list[PlannedObject]:
        return [each for each in self._plan.objects if each.MODEL is model]

    def _sort_into_waves(self, planned: Sequence[PlannedObject]) -> Iterator[Wave]:
        by_ref = {each.ref: each for each in planned}
        sorter = self._prepare_sorter(by_ref)
        while sorter.is_active():
            ready = sorter.get_ready()
            yield tuple(by_ref[ref] for ref in sorted(ready))
            sorter.done(*ready)

    def _prepare_sorter(self, by_ref: dict[Ref, PlannedObject]) -> TopologicalSorter[Ref]:
        while True:
            graph = {each.ref: self._find_dependencies(each) for each in by_ref.values()}
            sorter = TopologicalSorter(graph)
            try:
                sorter.prepare()
            except CycleError as error:
                self._break_cycle([by_ref[ref] for ref in error.args[1][:-1]])
            else:
                return sorter

    def _find_dependencies(self, planned: PlannedObject) -> set[Ref]:
        """What must be written before it, of its own model."""
        if planned.ref in self._unblocked:
            return set()
        rows = self._matching.existing
        refers = {
            ref
            for name, ref in planned.references()
            if ref.model is planned.MODEL
            and ref not in rows
            and name not in planned.DEFERRED_FIELDS
        }
        return refers | set(self._find_blockers(planned))

    def _find_blockers(self, planned: PlannedObject) -> Iterator[Ref]:
        """Who is in its way and moves by itself in time; whoever does not has to leave first."""
        matching = self._matching
        holders = {
            row for claim in planned.unique_keys() for row in self._unique_index.find_holders(claim)
        }
        for row in holders - self.to_release:
            if row.model is planned.MODEL and row not in matching.absent:
                if matching.refs[row] != planned.ref:
                    yield matching.refs[row]
            elif row.model in RELEASE_VALUES:
                self.to_release.add(row)

    def _break_cycle(self, cycle: list[PlannedObject]) -> None:
        """Break a ring, in which each waits for the one before it."""
        owned = [each for each in reversed(cycle) if each.ref in self._matching.existing]
        stays = cycle[0].MODEL is Model.DEVICE  # what is in one cannot go to another
        fits = not stays and len(owned) == len(cycle) and self._can_rotate(owned)
        if not fits:
            if owned and owned[0].MODEL in RELEASE_VALUES:
                self.to_release.add(self._matching.existing[owned[0].ref].id)
                return
            self._unblocked.add(cycle[0].ref)
        if len(owned) > 1:
            self._matching.rotate(owned)
            if owned[0].MODEL not in RELEASE_VALUES:  # nothing else is part of one of those
                self._unique_index = self._build_unique_index()

    def _build_unique_index(self) -> UniqueIndex[ObjectId]:
        rows = (*self._matching.existing.values(), *self._matching.absent.values())
        return index_unique_keys(rows, self._matching.refs)

    def _can_rotate(self, cycle: list[PlannedObject]) -> bool:
        """Whether none of them is in another's way once each has the row of the one after it."""
        after: UniqueIndex[Ref] = UniqueIndex()
        for each, following in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
            row = self._matching.existing[following.ref]
            after.add(each.ref, row.unique_keys(self._matching.refs))
        return all(
            ref == each.ref
            for each in cycle
            for claim in each.unique_keys()
            for ref in after.find_holders(claim)
        )
