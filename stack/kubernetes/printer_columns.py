"""The columns that the API prints for `kubectl get`, as their definitions say."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fabrics.agents.table import AGENT, GATEWAY_AGENT
from fabrics.resources.kinds import Kind


class PrinterColumn(NamedTuple):
    """One column. `kubectl get` shows it without `-o wide` if its priority is 0."""

    name: str
    type: str
    json_path: str
    priority: int = 0


_AGE: Final = PrinterColumn("Age", "date", ".metadata.creationTimestamp")

_COLUMNS: Final[Mapping[Kind, tuple[PrinterColumn, ...]]] = {
    AGENT: (
        PrinterColumn("Role", "string", ".spec.role"),
        PrinterColumn("Descr", "string", ".spec.description"),
        PrinterColumn("HWSKU", "string", ".status.state.nos.hwskuVersion", 1),
        PrinterColumn("Heartbeat", "date", ".status.lastHeartbeat", 1),
        PrinterColumn("Applied", "date", ".status.lastAppliedTime"),
        PrinterColumn("AppliedG", "integer", ".status.lastAppliedGen"),
        PrinterColumn("CurrentG", "integer", ".metadata.generation"),
        PrinterColumn("Version", "string", ".status.version"),
        PrinterColumn("RebootReq", "string", ".status.rebootRequired"),
        PrinterColumn("Software", "string", ".status.state.nos.softwareVersion", 1),
        PrinterColumn("Attempt", "date", ".status.lastAttemptTime", 2),
        PrinterColumn("AttemptG", "integer", ".status.lastAttemptGen", 2),
        PrinterColumn("RoCE", "boolean", ".spec.switch.roce", 3),
        PrinterColumn("CurrRoCE", "boolean", ".status.state.roce", 3),
        PrinterColumn("ECMPQPN", "boolean", ".spec.switch.ecmp.roceQPN", 3),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp", 10),
    ),
    GATEWAY_AGENT: (
        PrinterColumn("Applied", "date", ".status.lastAppliedTime"),
        PrinterColumn("AppliedG", "integer", ".status.lastAppliedGen"),
        PrinterColumn("CurrentG", "integer", ".metadata.generation"),
        PrinterColumn("Version", "string", ".status.agentVersion"),
        PrinterColumn("ProtoIP", "string", ".spec.gateway.protocolIP", 1),
        PrinterColumn("VTEPIP", "string", ".spec.gateway.vtepIP", 1),
        _AGE,
    ),
}


def get_printer_columns(kind: Kind) -> tuple[PrinterColumn, ...]:
    """Return the columns after the name; a kind that defines none has its age."""
    return _COLUMNS.get(kind, (_AGE,))
