"""A plan in the making: the one place that keeps it free of contradictions.

Whatever is added must refer to objects that are there, and hold nothing that another object holds.
What does not is not added, and becomes `skipped` with the reason; so do its dependants, in turn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import PlannedObject, Ref
from fabrics.inventory.model.unique_index import UniqueIndex
from fabrics.inventory.specs.parse import (
    LiveObject,
    LiveObjects,
    SkippedObject,
    make_key,
    strip_part,
)
from fabrics.inventory.specs.values import LiveSpec


class MappingError(Exception):
    """Why an object, or a part of it, cannot be in the inventory: the end of a sentence about it."""


class IncompleteDependencyError(MappingError):
    """The reason is another object, which is there and could not be read."""


@dataclass(frozen=True, slots=True)
class PlanBuilder:
    """Wanted objects so far, by reference.

    `unread` are the keys of live objects that are there, but not shown whole: they could not be read,
    or they need one that could not.
    """

    fabric: FabricIdentity
    live: LiveObjects
    objects: dict[Ref, PlannedObject] = field(default_factory=dict)
    skipped: list[SkippedObject] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)
    _unique_index: UniqueIndex[Ref] = field(default_factory=UniqueIndex)

    @contextmanager
    def skip_unmappable(self, key: str) -> Iterator[None]:
        """A block that maps `key`; where it can't, the rest of the block is skipped."""
        try:
            yield
        except MappingError as reason:
            self.skipped.append(SkippedObject(key, str(reason)))
            if isinstance(reason, IncompleteDependencyError):
                self.incomplete.add(strip_part(key))

    def add(self, planned: PlannedObject) -> Ref:
        """Add an object. Raises `MappingError` where it cannot be."""
        if planned.ref in self.objects:
            raise MappingError(f"has a second {planned.MODEL.name.lower()}")
        self._check(planned)
        self._put(planned)
        return planned.ref

    def add_shared(self, planned: PlannedObject) -> Ref:
        """Add a shared object, unless it is there."""
        if planned.ref not in self.objects:
            self._put(planned)
        return planned.ref

    def update(self, planned: PlannedObject) -> None:
        """Put another version of an object in its place. Raises `MappingError` where it cannot be."""
        self._check(planned)
        self._put(planned)

    def get[W: PlannedObject](self, kind: type[W], ref: Ref) -> W:
        """The object behind a reference of its kind."""
        return cast(W, self.objects[ref])

    def require_live[S: LiveSpec](self, spec: type[S], namespace: str, name: str) -> LiveObject[S]:
        """The live object of this name. Raises `MappingError` where there is none."""
        found = self.live.find(spec, namespace, name)
        if found is None:
            raise self._missing_error(spec, namespace, name)
        return found

    def require_ref(
        self, planned_class: type[PlannedObject], spec: type[LiveSpec], namespace: str, name: str
    ) -> Ref:
        """What became of the live object of this name. Raises `MappingError` where nothing did."""
        ref = Ref(planned_class.MODEL, make_key(spec, namespace, name))
        if ref not in self.objects:
            raise self._missing_error(spec, namespace, name)
        return ref

    def is_incomplete(self, key: str) -> bool:
        """Whether the live object of a key is there, but not shown whole."""
        return key in self.incomplete

    def _missing_error(self, spec: type[LiveSpec], namespace: str, name: str) -> MappingError:
        if self.is_incomplete(make_key(spec, namespace, name)):
            return IncompleteDependencyError(f"names the {spec.KIND} {name}, which cannot be read")
        return MappingError(f"names the {spec.KIND} {name}, which is not there")

    def _check(self, planned: PlannedObject) -> None:
        for _, ref in planned.references():
            if ref not in self.objects and ref != self.fabric.site_ref:
                raise MappingError(f"belongs to {ref.key}, which is not in the inventory")
        for claim in planned.unique_keys():
            for holder in self._unique_index.find_holders(claim):
                if holder != planned.ref:
                    raise MappingError(f"needs {claim}, which {holder.key} has")

    def _put(self, planned: PlannedObject) -> None:
        self.objects[planned.ref] = planned
        self._unique_index.add(planned.ref, planned.unique_keys())
