"""What a sync asks for, to bring NetBox's inventory up to date with what it saw."""

from pydantic import BaseModel

from fabrics.record.config import FabricConfig


class InventoryRequest(BaseModel, frozen=True):
    """The live state to mirror: the one with `live_digest`, or a later one.

    `counts` are how many objects of each kind the fabric should have: one of these that has none now
    holds everything back. `sync` and `commit` are for NetBox's changelog. `absence_counts` are those of the sync
    before; `confirmed_digest` is the digest of deletes that somebody agreed to, or empty.
    `adopt`: somebody wants what people offer.
    """

    config: FabricConfig
    live_digest: str
    expected_counts: dict[str, int]
    sync_number: int
    commit: str = ""
    absence_counts: dict[str, int] = {}
    confirmed_digest: str = ""
    adopt: bool = False
