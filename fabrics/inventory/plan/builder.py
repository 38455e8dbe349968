"""A plan in the making: the one place that keeps it free of contradictions.

Whatever is added must refer to objects that are there, and hold nothing that another object holds.
What does not is not added, and becomes `skipped` with the reason; so do its dependants, in turn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from fabrics.inventory.model.naming import Fabric
from fabrics.inventory.model.planned import Ref, Wanted
from fabrics.inventory.model.unique_index import Holders
from fabrics.inventory.specs.parse import Object, Objects, Skipped, key_of, owner_of
from fabrics.inventory.specs.values import LiveSpec


class Unmapped(Exception):
    """Why an object, or a part of it, cannot be in the inventory: the end of a sentence about it."""


class Unread(Unmapped):
    """The reason is another object, which is there and could not be read."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Wanted objects so far, by reference.

    `unread` are the keys of live objects that are there, but not shown whole: they could not be read,
    or they need one that could not.
    """

    fabric: Fabric
    live: Objects
    wanted: dict[Ref, Wanted] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    _holders: Holders[Ref] = field(default_factory=Holders)

    @contextmanager
    def part(self, key: str) -> Iterator[None]:
        """A block that maps `key`; where it can't, the rest of the block is skipped."""
        try:
            yield
        except Unmapped as reason:
            self.skipped.append(Skipped(key, str(reason)))
            if isinstance(reason, Unread):
                self.unread.add(owner_of(key))

    def add(self, wanted: Wanted) -> Ref:
        """Add an object. Raises `Unmapped` where it cannot be."""
        if wanted.ref in self.wanted:
            raise Unmapped(f"has a second {wanted.MODEL.name.lower()}")
        self._check(wanted)
        self._put(wanted)
        return wanted.ref

    def share(self, wanted: Wanted) -> Ref:
        """Add a shared object, unless it is there."""
        if wanted.ref not in self.wanted:
            self._put(wanted)
        return wanted.ref

    def amend(self, wanted: Wanted) -> None:
        """Put another version of an object in its place. Raises `Unmapped` where it cannot be."""
        self._check(wanted)
        self._put(wanted)

    def get[W: Wanted](self, kind: type[W], ref: Ref) -> W:
        """The object behind a reference of its kind."""
        return cast(W, self.wanted[ref])

    def find[S: LiveSpec](self, spec: type[S], namespace: str, name: str) -> Object[S]:
        """The live object of this name. Raises `Unmapped` where there is none."""
        found = self.live.find(spec, namespace, name)
        if found is None:
            raise self._not_there(spec, namespace, name)
        return found

    def named(self, wanted: type[Wanted], spec: type[LiveSpec], namespace: str, name: str) -> Ref:
        """What became of the live object of this name. Raises `Unmapped` where nothing did."""
        ref = Ref(wanted.MODEL, key_of(spec, namespace, name))
        if ref not in self.wanted:
            raise self._not_there(spec, namespace, name)
        return ref

    def is_unread(self, key: str) -> bool:
        """Whether the live object of a key is there, but not shown whole."""
        return key in self.unread

    def _not_there(self, spec: type[LiveSpec], namespace: str, name: str) -> Unmapped:
        if self.is_unread(key_of(spec, namespace, name)):
            return Unread(f"names the {spec.KIND} {name}, which cannot be read")
        return Unmapped(f"names the {spec.KIND} {name}, which is not there")

    def _check(self, wanted: Wanted) -> None:
        for _, ref in wanted.references():
            if ref not in self.wanted and ref != self.fabric.site_ref:
                raise Unmapped(f"belongs to {ref.key}, which is not in the inventory")
        for claim in wanted.claims():
            for holder in self._holders.of(claim):
                if holder != wanted.ref:
                    raise Unmapped(f"needs {claim}, which {holder.key} has")

    def _put(self, wanted: Wanted) -> None:
        self.wanted[wanted.ref] = wanted
        self._holders.add(wanted.ref, wanted.claims())
