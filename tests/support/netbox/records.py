"""Records of fabrics in NetBox, for tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from activities.netbox.client import NetBox, Row
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

_NUMBERS = count(1)


def create_record(netbox: NetBox, **custom_fields: object) -> Row:
    """Create an enabled, unique record."""
    name = f"Trial {next(_NUMBERS)}"
    fields = {
        "hh_fabric_id": name.lower().replace(" ", "-"),
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_git_repository": "https://git.example.com/net/dc1.git",
    }
    return netbox.create_record(name, fields | custom_fields)


def fabric_id(record: Row) -> str:
    """Return the fabric id in a record."""
    return str(record["custom_fields"]["hh_fabric_id"])
