"""Records of fabrics in NetBox, for tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from activities.netbox.client import Row
from fabrics.drift.summary import SummaryEntry, SummaryField
from fabrics.record.sync_status import ConnectionStatus, LastKnownState

INSTANCE = "default@this-installation"

type MakeRecord = Callable[..., Row]

STARTED = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
DRIFT = SummaryEntry(
    "VPC", "default", "prod", "changed", (SummaryField("spec.subnets", '{"a": 1}', None),)
)
LAST_KNOWN = LastKnownState(
    last_sync=STARTED,
    last_success=STARTED,
    connection_status=ConnectionStatus.CONNECTED,
    commit="4f" * 20,
    drift_count=1,
    drift=(DRIFT,),
    counts={"VPC": 3, "Switch": 5},
)


def fabric_id(record: Row) -> str:
    """Return the fabric id in a record."""
    return str(record["custom_fields"]["hh_fabric_id"])
