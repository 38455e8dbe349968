"""The cables of a fabric as its switches see them by LLDP."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from fabrics.resources.spellings import canonicalize_port
from stack.kubernetes.manifests import Spec, get_connection_type, iter_links

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


type Swap = tuple[CableEnd, CableEnd]
"""Two ends, each of which has the cable that belongs into the other."""


def lay_cables(connections: Iterable[Spec], swaps: Iterable[Swap]) -> dict[CableEnd, CableEnd]:
    """Return the far end of each end of the cables of these Connections' specs."""
    far_ends: dict[CableEnd, CableEnd] = {}
    for near, far in _iter_cables(connections):
        far_ends |= {near: far, far: near}
    for first, second in swaps:
        _swap(far_ends, first, second)
    return far_ends


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
