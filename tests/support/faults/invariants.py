"""What holds after every fault: nothing lost, nothing doubled, all healthy again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Final

from activities.netbox.client import Row
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.sync_status import InventoryState, SyncStatus
from tests.support.faults.sample import OBSERVED_MODELS, Key
from tests.support.system.installation import shown_status

MAX_NAMED_KEYS: Final = 3

type Inventory = Mapping[Key, tuple[int, ...]]
"""The ids of a fabric's objects in NetBox by model and key: one for each, unless some are doubled."""


@dataclass(frozen=True)
class View:
    """One fabric at a moment, in its loop, in its record and in NetBox's inventory.

    `run` is the id of the loop's first run, which continue-as-new does not change.
    """

    run: str
    status: FabricStatus
    history: Sequence[SyncReport]
    record: Row
    inventory: Inventory


def find_illness(view: View, expected: frozenset[Key], since: datetime) -> list[str]:
    """Return what is not as it should be after a sync that began at `since` or later."""
    fields = view.record["custom_fields"]
    shown = shown_status({"sync_status": fields["hh_sync_status"]})
    return [
        *find_illness_of_loop(view.status, since),
        *_select(
            {f"the record is {shown}: {fields['hh_sync_error']}": shown != SyncStatus.IN_SYNC}
        ),
        *_compare_keys(view.inventory, expected),
    ]


def find_illness_of_loop(status: FabricStatus, since: datetime) -> list[str]:
    """Return what a loop knows to be wrong after a sync that began at `since`."""
    return _select(
        {
            f"the loop is {status.sync_status}: {status.sync_error}": (
                status.sync_status not in (SyncStatus.IN_SYNC, SyncStatus.SYNCING)
            ),
            f"NetBox: {status.netbox_error}": bool(status.netbox_error),
            f"no sync has succeeded since {since:%H:%M:%S}": (
                status.last_success is None or status.last_success < since
            ),
            f"the inventory is {status.inventory_state}: {status.inventory.failure}": (
                status.inventory_state is not InventoryState.UP_TO_DATE
            ),
        }
    )


def _select(sentences: Mapping[str, bool]) -> list[str]:
    return [sentence for sentence, applies in sentences.items() if applies]


def _compare_keys(inventory: Inventory, expected: frozenset[Key]) -> Iterator[str]:
    actual = {key for key in inventory if key[0] not in OBSERVED_MODELS}
    doubled = {key for key, ids in inventory.items() if len(ids) > 1}
    for name, keys in (
        ("lacks", expected - actual),
        ("still has", actual - expected),
        ("has twice", doubled),
    ):
        if keys:
            yield f"NetBox {name} {_name_keys(keys)}"


def find_losses(before: View, after: View) -> list[str]:
    """Return what was lost or doubled between two views."""
    return [
        *_check_loop(before, after),
        *_check_numbers(before.history, after.history),
        *_check_slots(before.history, after.history, after.status.sync_interval),
        *_check_ids(before.inventory, after.inventory),
    ]


def _check_loop(before: View, after: View) -> Iterator[str]:
    if before.run != after.run:
        yield "the loop was replaced"


def _check_numbers(before: Sequence[SyncReport], after: Sequence[SyncReport]) -> Iterator[str]:
    numbers = [report.number for report in after]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        yield f"the numbers of syncs are not consecutive: {numbers}"
    slots = {report.number: report.slot for report in before}
    for report in after:
        # When it started may be told later after a restart: a query replays with the clock of the last workflow task.
        if slots.get(report.number, report.slot) != report.slot:
            yield f"sync {report.number} was done twice"


def _check_slots(
    before: Sequence[SyncReport], after: Sequence[SyncReport], interval: int
) -> Iterator[str]:
    step, last = timedelta(seconds=interval), before[-1].number
    known = {report.number: report for report in (*before, *after)}
    slots = {number: report.slot for number, report in known.items() if report.slot}
    origin = min(slots.values(), default=None)
    if origin and any((slot - origin) % step for slot in slots.values()):
        yield "slots left their grid"
    for earlier, later in pairwise(number for number in sorted(slots) if number >= last):
        numbers = range(earlier, later)
        if not known.keys() >= set(numbers):
            continue  # a loop keeps its last reports only
        lost = (slots[later] - slots[earlier]) // step - 1
        # A sync takes the first slot that is due, and counts those that it misses until its end.
        counted = sum(known[number].missed for number in numbers)
        served = sum(_may_serve_next_slot(known[number], step) for number in numbers)
        if not 0 <= lost <= counted + served:
            yield f"of the slots before sync {later}, {lost} had no sync and {counted} are counted"


def _may_serve_next_slot(report: SyncReport, step: timedelta) -> bool:
    """Return whether a slot that follows closely needs no other sync."""
    return report.slot is None or report.started - report.slot >= step


def _check_ids(before: Inventory, after: Inventory) -> Iterator[str]:
    changed = {key for key in before.keys() & after.keys() if set(before[key]) - set(after[key])}
    if changed:
        yield f"NetBox's objects were deleted and made again: {_name_keys(changed)}"


def _name_keys(keys: frozenset[Key] | set[Key]) -> str:
    named = [f"{model} {key}" for model, key in islice(sorted(keys), MAX_NAMED_KEYS)]
    rest = len(keys) - len(named)
    return ", ".join([*named, *([f"and {rest} more"] if rest else [])])
