"""A loop's status in a few lines of markdown, for the Temporal Web UI."""

from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.inventory_text import deletes_waiting_sentence, report_sentence
from fabrics.loop.report import FabricStatus
from fabrics.record.sync_status import InventoryState, SyncStatus
from fabrics.texts import escape_markdown
from fabrics.times import format_time
from fabrics.version import VERSION

_STATUS_TEXTS = {
    SyncStatus.NOT_CONFIGURED: "not configured: the record names no Kubernetes server",
    SyncStatus.DISABLED: "switched off",
    SyncStatus.SYNCING: "syncing now",
    SyncStatus.PAUSED: "paused",
    SyncStatus.NEVER_SYNCED: "waiting for its first sync",
    SyncStatus.ERROR: "in error",
    SyncStatus.OUT_OF_SYNC: "out of sync",
    SyncStatus.INVENTORY_ONLY: "synced for its inventory only, not compared with Git: drift is unknown",
    SyncStatus.IN_SYNC: "in sync",
}


def render_details(status: FabricStatus) -> str:
    """Return the details of a running loop: its status, syncs, drift and errors."""
    lines = [f"**{escape_markdown(status.name)}** is {_STATUS_TEXTS[status.sync_status]}."]
    if status.paused:
        lines.append(f"- {escape_markdown(status.pause_text)}")
    lines += [
        f"- Last sync: {format_time(status.last_sync)}; last success: {format_time(status.last_success)}",
        f"- Next sync: {_format_next_sync(status)}",
        f"- Objects that drifted: {_format_drift(status)}",
        f"- Health: {status.health}{_follow(status.health_message)}",
        f"- Inventory: {_format_inventory(status.inventory, status.fabric_id)}",
        f"- Syncs: {status.syncs}, slots missed: {status.missed}",
    ]
    if status.accepted_count:
        lines.append(
            f"- Accepted differences: {status.accepted_count}{_follow(status.accepted_text)}"
        )
    waiting = status.inventory.deletes_waiting
    problems = {
        "Rules": escape_markdown(status.rule_notice),
        "Deletes": deletes_waiting_sentence(waiting, status.fabric_id) if waiting else "",
        "Inventory failed": escape_markdown(status.inventory.failure),
        "Error": escape_markdown(status.sync_error),
        "NetBox": escape_markdown(status.netbox_error),
        "Message": escape_markdown(status.ignored),
    }
    lines += [f"- {name}: {text}" for name, text in problems.items() if text]
    lines.append(f"- Worker: Fabric Sync {VERSION}")
    return "\n".join(lines)


def render_final_details(status: FabricStatus, reason: str) -> str:
    """Return the final details of a loop that lost its record for `reason`."""
    lines = [
        f"**{escape_markdown(status.name)}** is no longer synced here: {reason}.",
        f"- Last sync: {format_time(status.last_sync)}; last success: {format_time(status.last_success)}",
        f"- Syncs: {status.syncs}, slots missed: {status.missed}",
    ]
    if status.netbox_error:
        lines.append(f"- NetBox: {escape_markdown(status.netbox_error)}")
    return "\n".join(lines)


def _format_next_sync(status: FabricStatus) -> str:
    """Return when the next sync is due, in words that stay true during a sync."""
    syncing = status.next_sync and status.sync_status is SyncStatus.SYNCING
    overrun = " or, if this sync overruns it, the first slot after this sync" if syncing else ""
    return f"{format_time(status.next_sync)}{overrun}, every {status.sync_interval} s"


def _follow(message: str) -> str:
    """Return the message after a colon."""
    return f": {escape_markdown(message)}" if message else ""


def _format_drift(status: FabricStatus) -> str:
    if status.drift_count is None:
        return "not known"
    objects = (f"{entry.change}: {entry.kind} {entry.name}" for entry in status.drift[:5])
    items = (f"\n  - {escape_markdown(text)}" for text in objects)
    return f"{status.drift_count}{''.join(items)}"


def _format_inventory(inventory: InventoryStatus, fabric_id: str) -> str:
    shown = "not in NetBox yet"
    if inventory.report is not None:
        shown = f"{report_sentence(inventory.report)}, at {format_time(inventory.mirrored)}"
    states = {
        InventoryState.OFF: "switched off",
        InventoryState.RUNNING: (
            f"being updated (the workflow `{inventory_workflow_id(fabric_id)}` shows the progress);"
            f" before: {shown}"
        ),
        InventoryState.BEHIND: f"behind since {format_time(inventory.behind_since)}; {shown}",
    }
    return states.get(inventory.state, shown)
