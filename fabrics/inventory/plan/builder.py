"""The builder of a plan, which keeps it free of contradictions.

An object is added only if the objects that it refers to exist and no other object has its unique keys.
Otherwise it is `skipped` with the reason, and so are, in turn, the objects that depend on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import PlannedObject, Ref, UniqueIndex
from fabrics.inventory.specs.parse import (
    LiveObject,
    LiveObjects,
    SkippedObject,
    make_key,
    strip_part,
)
from fabrics.inventory.specs.values import LiveSpec


class MappingError(Exception):
    """An object cannot be mapped; the message completes a sentence about it."""


class UnreadableError(MappingError):
    """An object exists, but it or an object that it needs cannot be read."""


@dataclass(frozen=True, slots=True)
class PlanBuilder:
    """The objects planned so far, by reference.

    `incomplete` holds the keys of live objects that the plan does not show in full: they could not be read,
    or they need one that could not be read.
    """

    fabric: FabricIdentity
    live: LiveObjects
    objects: dict[Ref, PlannedObject] = field(default_factory=dict)
    skipped: list[SkippedObject] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)
    _unique_index: UniqueIndex[Ref] = field(default_factory=UniqueIndex)

    @contextmanager
    def skip_unmappable(self, key: str) -> Iterator[None]:
        """Run a block that maps `key`; a `MappingError` ends it and goes to `skipped`."""
        try:
            yield
        except MappingError as error:
            self.skipped.append(SkippedObject(key, str(error)))
            if isinstance(error, UnreadableError):
                self.incomplete.add(strip_part(key))

    def add(self, planned: PlannedObject) -> Ref:
        """Add an object; raise `MappingError` for a known key or where `update` does."""
        if planned.ref in self.objects:
            raise MappingError(f"has a second {planned.MODEL.name.lower()}")
        self.update(planned)
        return planned.ref

    def add_shared(self, planned: PlannedObject) -> Ref:
        """Add a shared object, unless the plan has it."""
        if planned.ref not in self.objects:
            self._put(planned)
        return planned.ref

    def update(self, planned: PlannedObject) -> None:
        """Replace an object; raise `MappingError` for a missing ref or a used unique key."""
        for _, ref in planned.references():
            if ref not in self.objects and ref != self.fabric.site_ref:
                raise MappingError(f"belongs to {ref.key}, which is not in the inventory")
        for unique_key in planned.unique_keys():
            for other in self._unique_index.find_conflicting(unique_key):
                if other != planned.ref:
                    raise MappingError(f"needs {unique_key}, which {other.key} already uses")
        self._put(planned)

    def get[W: PlannedObject](self, kind: type[W], ref: Ref) -> W:
        """Return the object of this kind behind a reference."""
        return cast(W, self.objects[ref])

    def require_live[S: LiveSpec](self, spec: type[S], namespace: str, name: str) -> LiveObject[S]:
        """Return a live object by name. Raises `MappingError` if there is none."""
        live_object = self.live.find(spec, namespace, name)
        if live_object is None:
            raise self._missing_error(spec, namespace, name)
        return live_object

    def require_ref(
        self, planned_class: type[PlannedObject], spec: type[LiveSpec], namespace: str, name: str
    ) -> Ref:
        """Return the planned object of a live object, or raise `MappingError`."""
        ref = Ref(planned_class.MODEL, make_key(spec, namespace, name))
        if ref not in self.objects:
            raise self._missing_error(spec, namespace, name)
        return ref

    def missing_error(self, key: str, target: str) -> MappingError:
        """Return the error of an object that refers to `target`, which is missing.

        `key` is that of the live object that has or is the target.
        """
        if key in self.incomplete:
            return UnreadableError(f"refers to {target}, which cannot be read")
        return MappingError(f"refers to {target}, which does not exist")

    def _missing_error(self, spec: type[LiveSpec], namespace: str, name: str) -> MappingError:
        return self.missing_error(make_key(spec, namespace, name), f"the {spec.KIND} {name}")

    def _put(self, planned: PlannedObject) -> None:
        self.objects[planned.ref] = planned
        self._unique_index.add(planned.ref, planned.unique_keys())
