"""Writes changes into NetBox, stage by stage, a few requests at a time.

An object that NetBox refuses is reported, and so is what depends on it; nothing else is held up. When
a request broke off, nobody knows whether NetBox did it: it is looked up before it is made again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Final

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from activities.errors import TransientError
from activities.inventory.netbox.client import AT_ONCE, InventoryNetBox, RowsRefused
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.netbox.serializers import FABRIC, KEY, written
from activities.inventory.read.reader import Reader
from activities.inventory.read.template_components import made_with_devices
from activities.inventory.write.batches import Batch, Lane, lanes
from activities.netbox.client import Row
from activities.netbox.http import Gone, InUse, Refused
from activities.setup.views import TAG
from fabrics.inventory.compare.changes import Changes, Stage, Write
from fabrics.inventory.model.existing import Id
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.model.registry import KINDS, SHARED

ATTEMPTS: Final = 3
MAX_MESSAGE: Final = 200
"""Characters of an entry in NetBox's changelog; with more it fails."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one write: the object's id, or the reason why there is none."""

    write: Write
    id: Id | None
    reason: str = ""


@dataclass(slots=True)
class Written:
    """What came of all writes. `ids` are all that are known, of objects that were there and new ones."""

    ids: dict[Ref, Id]
    created: set[Ref] = field(default_factory=set)
    updated: set[Ref] = field(default_factory=set)
    refused: dict[Ref, Done] = field(default_factory=dict)
    orphaned: dict[Ref, Ref] = field(default_factory=dict)
    """Objects that were not written, with what they refer to and what is not there."""

    done: int = 0


type Progress = Callable[[int], None]
"""Is told how many writes are done."""


class Writer:
    """Writes for one fabric; `message` becomes part of NetBox's changelog."""

    def __init__(
        self, netbox: InventoryNetBox, reader: Reader, fabric_id: str, message: str
    ) -> None:
        self._netbox = netbox
        self._reader = reader
        self._fabric_id = fabric_id
        self._message = message[:MAX_MESSAGE]

    def write(self, changes: Changes, progress: Progress) -> Written:
        """Make all changes. Raises `TransientError` and `PermanentError` where NetBox does no work."""
        result = Written(dict(changes.ids))
        with ThreadPoolExecutor(AT_ONCE, "inventory") as pool:
            for stage in changes.stages:
                ready = tuple(self._ready(stage, result))
                for done in self._all(pool, lanes(ready), result.ids):
                    _note(result, done)
                    progress(result.done)
        return result

    def _ready(self, stage: Stage, result: Written) -> Iterator[Write]:
        """The writes of a stage that can be made, with the ids that objects got meanwhile."""
        for write in stage:
            number = write.id or result.ids.get(write.ref)
            missing = [ref for ref in _references(write) if ref not in result.ids]
            if missing:
                result.orphaned[write.ref] = missing[0]
                result.done += 1
            elif write.key or number:
                yield Write(write.ref, number, write.fields, write.key)
            else:
                result.done += 1  # a second write of what could not be created

    def _all(
        self, pool: ThreadPoolExecutor, lanes: Iterable[Lane], ids: Mapping[Ref, Id]
    ) -> Iterator[Done]:
        """Make the requests of each lane in turn, lanes side by side.

        Threads are given all that they need and only answer, so that all else happens in one thread:
        it may be interrupted between any two requests, and waits for those that are under way.
        """
        known = dict(ids)
        waiting = {lane_number: list(lane) for lane_number, lane in enumerate(lanes)}
        running: dict[Future[list[Done]], int] = {}
        while waiting or running:
            for number in [each for each in waiting if each not in running.values()]:
                batch = waiting[number].pop(0)
                running[pool.submit(self.send, batch, known)] = number
                if not waiting[number]:
                    del waiting[number]
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                del running[future]
                yield from future.result()

    def send(self, batch: Batch, ids: Mapping[Ref, Id]) -> list[Done]:
        """One request, or several where NetBox refuses some of it."""
        try:
            return self._send_once(batch, ids)
        except RowsRefused as error:
            reasons = error.reasons
            there = self._made_meanwhile(batch, reasons, ids)
            failed = [
                Done(batch.writes[place], None, reason)
                for place, reason in reasons.items()
                if batch.writes[place].ref not in {done.write.ref for done in there}
            ]
            good = tuple(each for place, each in enumerate(batch.writes) if place not in reasons)
            return there + failed + (self.send(Batch(batch.model, good), ids) if good else [])
        except (Refused, Gone, InUse) as error:
            if len(batch.writes) == 1:
                return [Done(batch.writes[0], None, str(error))]
            middle = len(batch.writes) // 2
            halves = batch.writes[:middle], batch.writes[middle:]
            return [done for half in halves for done in self.send(Batch(batch.model, half), ids)]

    def _made_meanwhile(
        self, batch: Batch, places: Iterable[int], ids: Mapping[Ref, Id]
    ) -> list[Done]:
        """What is there in place of new objects that NetBox refused, and is as good.

        Another fabric may be loaded at the same time and make what all share; and a request that took
        too long may have been done only after its objects were looked up.
        """
        if not batch.creates:
            return []
        refused = Batch(batch.model, tuple(batch.writes[place] for place in places))
        found = self._look_up(refused)
        there = [_found(each, found[each.key]) for each in refused.writes if each.key in found]
        missing = [each for each in refused.writes if each.key not in found]
        return there + (self._take_over(missing, ids) if batch.model is Model.INTERFACE else [])

    def _take_over(self, writes: list[Write], ids: Mapping[Ref, Id]) -> list[Done]:
        """Make interfaces ours that NetBox made with our devices, in place of those that it refused."""
        refused = {each.ref: each for each in writes}
        made = made_with_devices(self._netbox, writes, ids)
        if not made:
            return []
        rows = [
            self.row(_known(refused[ref]), ids) | {"id": row["id"]} for ref, row in made.items()
        ]
        try:
            self._netbox.write("PATCH", PATHS[Model.INTERFACE], rows)
        except (Refused, Gone):  # then it is in the way, like what people have made
            return []
        taken = {ref: Id(Model.INTERFACE, row["id"]) for ref, row in made.items()}
        return [Done(replace(refused[ref], id=number), number) for ref, number in taken.items()]

    def _send_once(self, batch: Batch, ids: Mapping[Ref, Id]) -> list[Done]:
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=wait_random_exponential(multiplier=0.5, max=5),
            stop=stop_after_attempt(ATTEMPTS),
            reraise=True,
        )
        found: dict[str, Id] = {}
        for attempt in retrying:
            with attempt:
                if attempt.retry_state.attempt_number > 1 and batch.creates:
                    found = self._look_up(batch)
                return self._request(batch, ids, found)
        raise AssertionError("tenacity raises what the last attempt raised")

    def _request(self, batch: Batch, ids: Mapping[Ref, Id], found: Mapping[str, Id]) -> list[Done]:
        """Make the request for all that is not `found` to be there already."""
        there = [Done(each, found[each.key]) for each in batch.writes if each.key in found]
        missing = [each for each in batch.writes if each.key not in found or not batch.creates]
        if not missing:
            return there
        rows = [self.row(each, ids) for each in missing]
        answer = self._netbox.write(batch.method, PATHS[batch.model], rows)
        numbers = (Id(batch.model, row["id"]) for row in answer)
        if not batch.creates:
            return [Done(each, each.id) for each in missing]
        return there + [Done(each, id) for each, id in zip(missing, numbers, strict=True)]

    def _look_up(self, batch: Batch) -> dict[str, Id]:
        """Which of the objects to be created are there: the request that broke off may have been done."""
        keys = {each.key for each in batch.writes}
        if batch.model in SHARED:
            return self._reader.shared(batch.model, keys)
        made = self._reader.made(batch.model)
        return {key: made[key] for key in keys & made.keys()}

    def row(self, write: Write, ids: Mapping[Ref, Id]) -> Row:
        """A write as REST takes it."""
        model = write.ref.model
        row = written(model, write.fields, lambda ref: ids[ref].number)
        row["changelog_message"] = self._message
        custom_fields: Row = row.pop("custom_fields", {})
        if write.id is not None:
            row["id"] = write.id.number
        elif model not in SHARED:
            row["tags"] = [{"slug": TAG}]
            custom_fields[FABRIC] = self._fabric_id
        if write.key and model not in SHARED:
            custom_fields[KEY] = write.key
        return row | ({"custom_fields": custom_fields} if custom_fields else {})


def _found(write: Write, number: Id) -> Done:
    """What is there already: of what all share, another fabric has made it."""
    return Done(replace(write, id=number) if number.model in SHARED else write, number)


def _known(write: Write) -> Write:
    """A write without what the fabric does not know: NetBox's own templates do."""
    unknown = KINDS[write.ref.model].UNKNOWN
    fields = {
        name: value for name, value in write.fields.items() if value not in unknown.get(name, ())
    }
    return replace(write, fields=fields)


def _references(write: Write) -> Iterator[Ref]:
    for value in write.fields.values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Ref):
                yield each


def _note(result: Written, done: Done) -> None:
    result.done += 1
    ref = done.write.ref
    if done.id is None:
        result.refused[ref] = done
        return
    result.ids[ref] = done.id
    if done.write.id is None:
        result.created.add(ref)
    elif ref not in result.created and ref.model not in SHARED:
        result.updated.add(ref)
