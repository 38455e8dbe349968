"""The request to bring NetBox's inventory up to the live state of a sync."""

from pydantic import BaseModel

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.cabling import CablingFinding
from fabrics.record.config import FabricConfig


class InventoryRequest(BaseModel, frozen=True):
    """The live state to bring into NetBox, as of `live_digest` or later.

    `expected_counts` are the numbers of objects that the fabric should have, by kind: if one of these kinds
    has no object now, nothing is done. `sync_number` and `commit` appear in NetBox's changelog.
    `absence_counts` are those of the previous pass. `confirmed_digest` names the deletes that somebody
    confirmed, or is empty. With `adopt`, objects that people gave the tag are adopted. `cabling` are the findings
    of earlier passes, `cabling_seen` those of the last reading (None if there was none), and `breakouts` what is known
    of ports that are divided otherwise. `silent_switches` may have no running agent. `drifted` are the ids of
    objects that have drifted, joined, by the time since then (empty if unknown); None if nobody has looked.
    """

    config: FabricConfig
    live_digest: str
    expected_counts: dict[str, int]
    sync_number: int
    commit: str = ""
    absence_counts: dict[str, int] = {}
    confirmed_digest: str = ""
    adopt: bool = False
    cabling: tuple[CablingFinding, ...] | None = None
    cabling_seen: tuple[CablingFinding, ...] | None = None
    breakouts: tuple[BreakoutMismatch, ...] = ()
    silent_switches: tuple[str, ...] = ()
    drifted: dict[str, str] | None = None
