"""The order of writes: references and objects that have unique keys come first."""

from collections.abc import Hashable, Iterator, Mapping, Set
from graphlib import TopologicalSorter

from fabrics.inventory.compare.matching import RELEASE_VALUES, Matching, index_unique_keys
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import Model, PlannedObject, Ref, UniqueIndex
from fabrics.inventory.plan.plan import Plan

type Wave = tuple[PlannedObject, ...]
"""Objects of one model, none of which waits for another."""


class WriteOrder:
    """The order of a plan's writes.

    An object comes after those that it refers to, and after those whose unique keys it takes. Where unique
    keys go round in a cycle, `matching` is changed.

    `to_release` are the ids of the objects that must release their unique keys before anything else is written.
    """

    def __init__(self, plan: Plan, matching: Matching) -> None:
        self._plan = plan
        self._matching = matching
        self._unique_index = self._build_unique_index()
        self._unblocked: set[Ref] = set()
        self.to_release: set[ObjectId] = set()
        self.waves = [wave for model in Model for wave in self._sort_into_waves(model)]

    def _sort_into_waves(self, model: Model) -> Iterator[Wave]:
        objects = (planned for planned in self._plan.objects if planned.MODEL is model)
        by_ref = {planned.ref: planned for planned in objects}
        sorter = self._prepare_sorter(by_ref)
        while sorter.is_active():
            ready = sorter.get_ready()
            yield tuple(by_ref[ref] for ref in sorted(ready))
            sorter.done(*ready)

    def _prepare_sorter(self, by_ref: dict[Ref, PlannedObject]) -> TopologicalSorter[Ref]:
        while True:
            graph = {ref: self._find_dependencies(planned) for ref, planned in by_ref.items()}
            cycles = list(find_cycles(graph))
            if not cycles:
                sorter = TopologicalSorter(graph)
                sorter.prepare()
                return sorter
            has_rotated = [self._break_cycle([by_ref[ref] for ref in cycle]) for cycle in cycles]
            # No other object's unique key has a ref to one that can release its own.
            if any(has_rotated) and next(iter(by_ref)).model not in RELEASE_VALUES:
                self._unique_index = self._build_unique_index()

    def _find_dependencies(self, planned: PlannedObject) -> set[Ref]:
        """Return the objects of its model that must be written before it."""
        if planned.ref in self._unblocked:
            return set()
        new_references = {
            ref
            for name, ref in planned.references()
            if ref.model is planned.MODEL
            and ref not in self._matching.existing
            and name not in planned.DEFERRED_FIELDS
        }
        return new_references | set(self._find_blockers(planned))

    def _find_blockers(self, planned: PlannedObject) -> Iterator[Ref]:
        """Yield the objects that have one of its unique keys and are going to give it up.

        Those that will not are put into `to_release`, where NetBox allows that.
        """
        matching = self._matching
        conflicting = {
            object_id
            for unique_key in planned.unique_keys()
            for object_id in self._unique_index.find_conflicting(unique_key)
        }
        for object_id in conflicting - self.to_release:
            if object_id.model is planned.MODEL and object_id not in matching.absent:
                if matching.refs[object_id] != planned.ref:
                    yield matching.refs[object_id]
            elif object_id.model in RELEASE_VALUES:
                self.to_release.add(object_id)

    def _break_cycle(self, cycle: list[PlannedObject]) -> bool:
        """Break a cycle, in which each object waits for the one before it.

        Returns True if the matching has changed.
        """
        existing = [
            planned for planned in reversed(cycle) if planned.ref in self._matching.existing
        ]
        is_device = cycle[0].MODEL is Model.DEVICE  # components cannot move to another device
        can_rotate = not is_device and len(existing) == len(cycle) and self._can_rotate(existing)
        if not can_rotate:
            if existing and existing[0].MODEL in RELEASE_VALUES:
                self.to_release.add(self._matching.existing[existing[0].ref].id)
                return False
            self._unblocked.add(cycle[0].ref)
        if len(existing) > 1:
            self._matching.rotate(existing)
        return len(existing) > 1

    def _build_unique_index(self) -> UniqueIndex[ObjectId]:
        rows = (*self._matching.existing.values(), *self._matching.absent.values())
        return index_unique_keys(rows, self._matching.refs)

    def _can_rotate(self, cycle: list[PlannedObject]) -> bool:
        """Return True if no keys conflict once each object has the row of the next one."""
        rotated: UniqueIndex[Ref] = UniqueIndex()
        for planned, following in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
            row = self._matching.existing[following.ref]
            rotated.add(planned.ref, row.unique_keys(self._matching.refs))
        return all(
            ref == planned.ref
            for planned in cycle
            for unique_key in planned.unique_keys()
            for ref in rotated.find_conflicting(unique_key)
        )


def find_cycles[T: Hashable](graph: Mapping[T, Set[T]]) -> Iterator[list[T]]:
    """Yield cycles that have nothing in common, at least one if there are any.

    The graph maps each item to those that it waits for. In a cycle, each waits for the one before it, and the first
    for the last. `graphlib` finds one cycle only, and starts anew for the next.
    """
    visited: set[T] = set()
    for start in graph:
        path = {} if start in visited else {start: iter(graph[start])}
        while path:
            visited.add(last := next(reversed(path)))
            following = next(path[last], None)
            if following is None:
                del path[last]
            elif following in path:
                cycle = [path.popitem()[0]]
                while cycle[-1] != following:
                    cycle.append(path.popitem()[0])
                yield cycle
            elif following not in visited:
                path[following] = iter(graph.get(following, ()))
