"""The builder of a plan, which keeps it free of contradictions.

An object is added only if the objects that it refers to exist and no other object has its unique keys.
Otherwise it is `skipped` with the reason, and so are, in turn, the objects that depend on it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

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

MAX_OBJECTS: Final = 100_000
"""The objects of one inventory, which NetBox takes some half an hour to create: a thousand switches with all ports."""

MAX_DETAILS_BYTES: Final = 65_536
"""The details of an object, as JSON. NetBox shows them on its page and keeps them in its changelog, and each pass
reads them."""


class MappingError(Exception):
    """An object cannot be mapped; the message completes a sentence about it."""


class UnreadableError(MappingError):
    """An object exists, but it or an object that it needs cannot be read."""


class TooManyObjectsError(Exception):
    """A plan has more than `MAX_OBJECTS` objects; the message is a sentence."""


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
            raise MappingError(f"has a second {planned.MODEL.noun}")
        self.update(planned)
        return planned.ref

    def add_shared(self, planned: PlannedObject) -> Ref:
        """Add a shared object, and return it, or the same one under another key.

        Two switch profiles may have one display name, which NetBox takes for one model.
        """
        known = (
            ref
            for unique_key in planned.unique_keys()
            for ref in self._unique_index.find_conflicting(unique_key)
        )
        if ref := next(known, None):
            return ref
        self._put(planned)
        return planned.ref

    def update(self, planned: PlannedObject) -> None:
        """Replace an object.

        Raises `MappingError` for a missing ref, a used unique key or details that are too long.
        """
        for _, ref in planned.references():
            if ref not in self.objects and ref != self.fabric.site_ref:
                raise MappingError(f"belongs to {ref.key}, which is not in the inventory")
        for unique_key in planned.unique_keys():
            for other in self._unique_index.find_conflicting(unique_key):
                if other != planned.ref:
                    raise MappingError(f"needs {unique_key}, which {other.key} already uses")
        check_details_size(measure_details(getattr(planned, "details", None)))
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
        if planned.ref not in self.objects and len(self.objects) >= MAX_OBJECTS:
            raise TooManyObjectsError(
                f"The fabric needs more than {MAX_OBJECTS:,} objects in NetBox, so nothing was written. Check that"
                " hh_kubernetes_server is the API of one fabric."
            )
        self.objects[planned.ref] = planned
        self._unique_index.add(planned.ref, planned.unique_keys())


def measure_details(value: object) -> int:
    """Return the size of details, or of a part of them, as JSON in bytes."""
    return len(json.dumps(value).encode())


def check_details_size(size: int) -> None:
    """Raise `UnreadableError` for details that are longer than `MAX_DETAILS_BYTES`."""
    if size > MAX_DETAILS_BYTES:
        raise UnreadableError(f"needs {size:,} bytes of details, more than {MAX_DETAILS_BYTES:,}")
