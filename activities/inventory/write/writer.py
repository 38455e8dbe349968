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
from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS, InventoryNetBox, RowsRefused
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.netbox.serializers import serialize_fields
from activities.inventory.read.reader import Reader
from activities.inventory.read.template_components import find_template_interfaces
from activities.inventory.write.batches import Batch, Lane, split_into_lanes
from activities.netbox.client import Row
from activities.netbox.http import BadRequest, InUse, NotFound
from fabrics.inventory.compare.changes import Changes, Stage, Write
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.model.registry import PLANNED_CLASSES, SHARED_MODELS

MAX_ATTEMPTS: Final = 3
MAX_MESSAGE_CHARS: Final = 200
"""Characters of an entry in NetBox's changelog; with more it fails."""


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """What became of one write: the object's id, or the reason why there is none."""

    write: Write
    id: ObjectId | None
    reason: str = ""


@dataclass(slots=True)
class WriteResult:
    """What came of all writes. `ids` are all that are known, of objects that were there and new ones."""

    ids: dict[Ref, ObjectId]
    created: set[Ref] = field(default_factory=set)
    updated: set[Ref] = field(default_factory=set)
    refused: dict[Ref, ObjectResult] = field(default_factory=dict)
    missing_references: dict[Ref, Ref] = field(default_factory=dict)
    """Objects that were not written, with what they refer to and what is not there."""

    done_count: int = 0


type ProgressCallback = Callable[[int], None]
"""Is told how many writes are done."""


class Writer:
    """Writes for one fabric; `message` becomes part of NetBox's changelog."""

    def __init__(
        self, netbox: InventoryNetBox, reader: Reader, fabric_id: str, message: str
    ) -> None:
        self._netbox = netbox
        self._reader = reader
        self._fabric_id = fabric_id
        self._message = message[:MAX_MESSAGE_CHARS]

    def write(self, changes: Changes, progress: ProgressCallback) -> WriteResult:
        """Make all changes. Raises `TransientError` and `PermanentError` where NetBox does no work."""
        result = WriteResult(dict(changes.existing_ids))
        with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS, "inventory") as pool:
            for stage in changes.stages:
                ready = tuple(self._select_ready(stage, result))
                for done in self._run_lanes(pool, split_into_lanes(ready), result.ids):
                    _add_result(result, done)
                    progress(result.done_count)
        return result

    def _select_ready(self, stage: Stage, result: WriteResult) -> Iterator[Write]:
        """The writes of a stage that can be made, with the ids that objects got meanwhile."""
        for write in stage:
            number = write.id or result.ids.get(write.ref)
            missing = [ref for ref in _iter_references(write) if ref not in result.ids]
            if missing:
                result.missing_references[write.ref] = missing[0]
                result.done_count += 1
            elif write.key or number:
                yield Write(write.ref, number, write.fields, write.key)
            else:
                result.done_count += 1  # a second write of what could not be created

    def _run_lanes(
        self, pool: ThreadPoolExecutor, lanes: Iterable[Lane], ids: Mapping[Ref, ObjectId]
    ) -> Iterator[ObjectResult]:
        """Make the requests of each lane in turn, lanes side by side.

        Threads are given all that they need and only answer, so that all else happens in one thread:
        it may be interrupted between any two requests, and waits for those that are under way.
        """
        known = dict(ids)
        waiting = {lane_number: list(lane) for lane_number, lane in enumerate(lanes)}
        running: dict[Future[list[ObjectResult]], int] = {}
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

    def send(self, batch: Batch, ids: Mapping[Ref, ObjectId]) -> list[ObjectResult]:
        """One request, or several where NetBox refuses some of it."""
        try:
            return self._send_once(batch, ids)
        except RowsRefused as error:
            reasons = error.reasons
            there = self._resolve_refused_creates(batch, reasons, ids)
            failed = [
                ObjectResult(batch.writes[place], None, reason)
                for place, reason in reasons.items()
                if batch.writes[place].ref not in {done.write.ref for done in there}
            ]
            good = tuple(each for place, each in enumerate(batch.writes) if place not in reasons)
            return there + failed + (self.send(Batch(batch.model, good), ids) if good else [])
        except (BadRequest, NotFound, InUse) as error:
            if len(batch.writes) == 1:
                return [ObjectResult(batch.writes[0], None, str(error))]
            middle = len(batch.writes) // 2
            halves = batch.writes[:middle], batch.writes[middle:]
            return [done for half in halves for done in self.send(Batch(batch.model, half), ids)]

    def _resolve_refused_creates(
        self, batch: Batch, positions: Iterable[int], ids: Mapping[Ref, ObjectId]
    ) -> list[ObjectResult]:
        """What is there in place of new objects that NetBox refused, and is as good.

        Another fabric may be loaded at the same time and make what all share; and a request that took
        too long may have been done only after its objects were looked up.
        """
        if not batch.is_create:
            return []
        refused = Batch(batch.model, tuple(batch.writes[place] for place in positions))
        found = self._find_existing(refused)
        there = [
            _result_for_existing(each, found[each.key])
            for each in refused.writes
            if each.key in found
        ]
        missing = [each for each in refused.writes if each.key not in found]
        return there + (
            self._take_over_template_interfaces(missing, ids)
            if batch.model is Model.INTERFACE
            else []
        )

    def _take_over_template_interfaces(
        self, writes: list[Write], ids: Mapping[Ref, ObjectId]
    ) -> list[ObjectResult]:
        """Make interfaces ours that NetBox made with our devices, in place of those that it refused."""
        refused = {each.ref: each for each in writes}
        made = find_template_interfaces(self._netbox, writes, ids)
        if not made:
            return []
        rows = [
            self.serialize(_drop_unknown_fields(refused[ref]), ids) | {"id": row["id"]}
            for ref, row in made.items()
        ]
        try:
            self._netbox.write("PATCH", PATHS[Model.INTERFACE], rows)
        except (BadRequest, NotFound):  # then it is in the way, like what people have made
            return []
        taken = {ref: ObjectId(Model.INTERFACE, row["id"]) for ref, row in made.items()}
        return [
            ObjectResult(replace(refused[ref], id=number), number) for ref, number in taken.items()
        ]

    def _send_once(self, batch: Batch, ids: Mapping[Ref, ObjectId]) -> list[ObjectResult]:
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=wait_random_exponential(multiplier=0.5, max=5),
            stop=stop_after_attempt(MAX_ATTEMPTS),
            reraise=True,
        )
        found: dict[str, ObjectId] = {}
        for attempt in retrying:
            with attempt:
                if attempt.retry_state.attempt_number > 1 and batch.is_create:
                    found = self._find_existing(batch)
                return self._request(batch, ids, found)
        raise AssertionError("tenacity raises what the last attempt raised")

    def _request(
        self, batch: Batch, ids: Mapping[Ref, ObjectId], existing: Mapping[str, ObjectId]
    ) -> list[ObjectResult]:
        """Make the request for all that is not `found` to be there already."""
        there = [
            ObjectResult(each, existing[each.key]) for each in batch.writes if each.key in existing
        ]
        missing = [each for each in batch.writes if each.key not in existing or not batch.is_create]
        if not missing:
            return there
        rows = [self.serialize(each, ids) for each in missing]
        answer = self._netbox.write(batch.method, PATHS[batch.model], rows)
        numbers = (ObjectId(batch.model, row["id"]) for row in answer)
        if not batch.is_create:
            return [ObjectResult(each, each.id) for each in missing]
        return there + [ObjectResult(each, id) for each, id in zip(missing, numbers, strict=True)]

    def _find_existing(self, batch: Batch) -> dict[str, ObjectId]:
        """Which of the objects to be created are there: the request that broke off may have been done."""
        keys = {each.key for each in batch.writes}
        if batch.model in SHARED_MODELS:
            return self._reader.find_shared(batch.model, keys)
        made = self._reader.find_created(batch.model)
        return {key: made[key] for key in keys & made.keys()}

    def serialize(self, write: Write, ids: Mapping[Ref, ObjectId]) -> Row:
        """A write as REST takes it."""
        model = write.ref.model
        row = serialize_fields(model, write.fields, lambda ref: ids[ref].number)
        row["changelog_message"] = self._message
        custom_fields: Row = row.pop("custom_fields", {})
        if write.id is not None:
            row["id"] = write.id.number
        elif model not in SHARED_MODELS:
            row["tags"] = [{"slug": TAG_SLUG}]
            custom_fields[FABRIC_FIELD] = self._fabric_id
        if write.key and model not in SHARED_MODELS:
            custom_fields[KEY_FIELD] = write.key
        return row | ({"custom_fields": custom_fields} if custom_fields else {})


def _result_for_existing(write: Write, id_: ObjectId) -> ObjectResult:
    """What is there already: of what all share, another fabric has made it."""
    return ObjectResult(replace(write, id=id_) if id_.model in SHARED_MODELS else write, id_)


def _drop_unknown_fields(write: Write) -> Write:
    """A write without what the fabric does not know: NetBox's own templates do."""
    unknown = PLANNED_CLASSES[write.ref.model].UNKNOWN_VALUES
    fields = {
        name: value for name, value in write.fields.items() if value not in unknown.get(name, ())
    }
    return replace(write, fields=fields)


def _iter_references(write: Write) -> Iterator[Ref]:
    for value in write.fields.values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Ref):
                yield each


def _add_result(result: WriteResult, object_result: ObjectResult) -> None:
    result.done_count += 1
    ref = object_result.write.ref
    if object_result.id is None:
        result.refused[ref] = object_result
        return
    result.ids[ref] = object_result.id
    if object_result.write.id is None:
        result.created.add(ref)
    elif ref not in result.created and ref.model not in SHARED_MODELS:
        result.updated.add(ref)
