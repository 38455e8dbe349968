"""Changes of a fabric's record on the operator's behalf, which need no loop.

The same write updates the status, computed as the loop computes it: a record never shows a fabric as
disabled that has just been enabled.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from activities.netbox.client import Row
from cli.errors import CommandError
from cli.fabrics.fabric import Fabric
from cli.session import Session
from fabrics.record.config import ConfigEdits
from fabrics.record.config_fields import unwrap_custom_fields
from fabrics.record.installation import is_same_instance
from fabrics.record.status_fields import (
    find_changed_fields,
    find_other_owner,
    get_owner_instance,
    make_fabric_id,
    parse_last_known_state,
)


async def enable(session: Session, fabric: Fabric, used_ids: Collection[str]) -> Fabric:
    """Enable the sync. A record without a fabric id gets one not in `used_ids`."""

    def make_fields(record: Row) -> Row:
        has_id = unwrap_custom_fields(record).get("hh_fabric_id")
        new_id = {} if has_id else {"hh_fabric_id": make_fabric_id(record["name"], used_ids)}
        return new_id | {"hh_sync_enabled": True}

    enabled = await write_fields(session, fabric, make_fields)
    if not enabled.fabric_id:
        raise CommandError(f"{fabric.config.name} cannot be enabled: {enabled.config.problems[0]}")
    return enabled


async def disable(session: Session, fabric: Fabric) -> Fabric:
    """Disable the sync."""
    return await write_fields(session, fabric, lambda _: {"hh_sync_enabled": False})


async def take_over(session: Session, fabric: Fabric) -> Fabric:
    """Claim the record for this installation, and start its loop if it needs one.

    Raises `CommandError` if the record no longer belongs to the owner in `fabric`.
    """
    former = get_owner_instance(fabric.record)

    def make_changes(record: Row) -> Row:
        owner = get_owner_instance(record)
        if is_same_instance(owner, session.instance):
            return {}
        if not is_same_instance(owner, former):
            raise CommandError(
                f"{record['name']} belongs to {owner or 'no installation'} by now: it was not taken over."
            )
        return {"hh_instance": session.instance}

    claimed = await _update_record(session, fabric, make_changes)
    if claimed.config.needs_loop:
        await session.loops.start_or_reload(claimed.config)
    return claimed


async def write_fields(
    session: Session, fabric: Fabric, make_fields: Callable[[Row], Row]
) -> Fabric:
    """Write the fields that `make_fields` returns, and the resulting status.

    Raises `CommandError` if the record is gone or belongs to another installation.
    """

    def make_changes(record: Row) -> Row:
        if owner := find_other_owner(record, session.instance):
            raise CommandError(
                f"{record['name']} belongs to another installation of Fabric Sync ({owner}):"
                f" nothing was changed. `starter.py doctor @{record['id']} --take-over` moves it here."
            )
        stored = unwrap_custom_fields(record)
        fields = make_fields(record).items()
        changed = {name: value for name, value in fields if stored.get(name) != value}
        edited = {**record, "custom_fields": stored | changed}
        last_known, now = parse_last_known_state(edited), datetime.now(UTC)
        return changed | find_changed_fields(edited, ConfigEdits(), last_known, now)

    return await _update_record(session, fabric, make_changes)


async def _update_record(
    session: Session, fabric: Fabric, make_changes: Callable[[Row], Row]
) -> Fabric:
    record_id = fabric.config.record_id
    record = await asyncio.to_thread(session.netbox.update_record, record_id, make_changes)
    if record is None:
        raise CommandError(f"The record of {fabric.config.name} has just been deleted.")
    return Fabric.from_record(record)
