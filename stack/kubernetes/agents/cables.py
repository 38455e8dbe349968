"""The cables of a fabric as its switches see them by LLDP.

Tests and the demo swap cables, silence neighbours, and add those of network cards.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from fabrics.resources.spellings import canonicalize_port
from stack.kubernetes.manifests import Spec, get_connection_type, iter_links

type Neighbor = dict[str, str]

_CABLED_TYPES: Final = frozenset(
    ["fabric", "mesh", "gateway", "unbundled", "bundled", "mclag", "eslag", "mclagDomain"]
)


class CableEnd(NamedTuple):
    """One end of a cable. The first lane of a port, `E1/5/1`, is called `E1/5`."""

    device: str
    port: str

    @classmethod
    def parse(cls, text: str) -> "CableEnd":
        """Parse a port as a Connection states it, such as `leaf-01/E1/5/1`."""
        device, _, port = canonicalize_port(text).partition("/")
        return cls(device, port)


@dataclass
class CableChanges:
    """What differs from the Connections."""

    swaps: list[tuple[CableEnd, CableEnd]] = field(default_factory=list)
    silent: set[CableEnd] = field(default_factory=set)
    added: dict[CableEnd, list[Neighbor]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cables:
    """Which end each end is connected to, in both directions."""

    far_ends: Mapping[CableEnd, CableEnd]
    changes: CableChanges

    def list_neighbors(
        self, end: CableEnd, describe: Callable[[CableEnd], Neighbor]
    ) -> list[Neighbor]:
        """Return what the switch at `end` hears; `describe` is what one device says."""
        far = self.far_ends.get(end)
        heard = [] if far is None or end in self.changes.silent else [describe(far)]
        return [*self.changes.added.get(end, ()), *heard]


def lay_cables(connections: Iterable[Spec], changes: CableChanges) -> Cables:
    """Return the cables of these Connections' specs, with the changes."""
    far_ends: dict[CableEnd, CableEnd] = {}
    for near, far in _iter_cables(connections):
        far_ends |= {near: far, far: near}
    for first, second in changes.swaps:
        _swap(far_ends, first, second)
    return Cables(far_ends, changes)


def _iter_cables(connections: Iterable[Spec]) -> Iterator[tuple[CableEnd, CableEnd]]:
    for connection in connections:
        if get_connection_type(connection) in _CABLED_TYPES:
            for link in iter_links(connection):
                yield from pairwise(CableEnd.parse(end["port"]) for end in link.values())


def _swap(far_ends: dict[CableEnd, CableEnd], first: CableEnd, second: CableEnd) -> None:
    """Plug the cable at `first` into `second`, and that at `second` into `first`."""
    one, other = far_ends.get(first), far_ends.get(second)
    if one and other:  # both cables still exist
        far_ends |= {first: other, other: first, second: one, one: second}
