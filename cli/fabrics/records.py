"""Changing a fabric's record on the operator's behalf, where its loop cannot or need not do it.

The status goes along in the same write, computed as the loop computes it: a record never says that a
fabric is disabled that has just been enabled.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from activities.netbox.client import Row
from cli.errors import Failure
from cli.fabrics.fabric import Fabric
from cli.session import Session
from fabrics.record.config import ConfigEdits
from fabrics.record.config_fields import raw_fields
from fabrics.record.status_fields import (
    changed_fields,
    config_fields,
    instance_of,
    other_owner,
    parse_facts,
    slug_fabric_id,
)


async def switch_on(session: Session, fabric: Fabric, taken: Collection[str]) -> Fabric:
    """Enable the sync. A record without a fabric id gets one that is not `taken`."""

    def fields(record: Row) -> Row:
        known = raw_fields(record).get("hh_fabric_id")
        named = {} if known else {"hh_fabric_id": slug_fabric_id(record["name"], taken)}
        return named | {"hh_sync_enabled": True}

    changed = await change(session, fabric, fields)
    if not changed.fabric_id:
        raise Failure(f"{fabric.config.name} cannot be enabled: {changed.config.problems[0]}")
    return changed


async def switch_off(session: Session, fabric: Fabric) -> Fabric:
    """Disable the sync."""
    return await change(session, fabric, lambda _: {"hh_sync_enabled": False})


async def edit(session: Session, fabric: Fabric, edits: ConfigEdits) -> Fabric:
    """Write `edits`, as a loop would."""
    return await change(session, fabric, lambda _: config_fields(edits))


async def take_over(session: Session, fabric: Fabric) -> Fabric:
    """Make the record this installation's, and let its loop go on if it has one."""
    taken = await _update(session, fabric, lambda record: _claim(record, session.instance))
    if taken.config.wants_a_loop:
        await session.loops.start(taken.config)
    return taken


def _claim(record: Row, instance: str) -> Row:
    return {} if instance_of(record) == instance else {"hh_instance": instance}


async def change(session: Session, fabric: Fabric, fields: Callable[[Row], Row]) -> Fabric:
    """Write the `fields` for the record as it then is, with the status that follows from them.

    Raises `Failure` where the record is gone, or belongs to another installation.
    """

    def changes(record: Row) -> Row:
        _refuse_foreign(record, session.instance)
        return with_status(record, fields(record), datetime.now(UTC))

    return await _update(session, fabric, changes)


async def _update(session: Session, fabric: Fabric, changes: Callable[[Row], Row]) -> Fabric:
    record_id = fabric.config.record_id
    record = await asyncio.to_thread(session.netbox.update_record, record_id, changes)
    if record is None:
        raise Failure(f"The record of {fabric.config.name} was deleted a moment ago.")
    return Fabric.of(record)


def with_status(record: Row, fields: Row, now: datetime) -> Row:
    """What of `fields` changes the record, and the status fields that change with it."""
    stored = raw_fields(record)
    changed = {name: value for name, value in fields.items() if stored.get(name) != value}
    edited = {**record, "custom_fields": stored | changed}
    return changed | changed_fields(edited, ConfigEdits(), parse_facts(edited), now)


def _refuse_foreign(record: Row, instance: str) -> None:
    if owner := other_owner(record, instance):
        raise Failure(
            f"{record['name']} belongs to another installation of Fabric Sync ({owner}):"
            f" nothing was changed. `starter.py doctor @{record['id']} --take-over` moves it here."
        )
