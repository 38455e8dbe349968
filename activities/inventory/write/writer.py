"""Write changes into NetBox stage by stage, a few requests at a time.

An object that NetBox refuses is reported, with the objects that depend on it; nothing else is delayed. If
a request breaks off, its outcome is unknown: its objects are looked up before they are created again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from activities.errors import TransientError
from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS, InventoryNetBox, RowsRefused
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.netbox.serializers import CREATE_OPTIONS, serialize_fields
from activities.inventory.read.reader import Reader
from activities.inventory.read.template_components import find_template_interfaces
from activities.inventory.write.batches import Batch, Lane, split_into_lanes
from activities.netbox.client import Row
from activities.netbox.http import BadRequest, InUse, NotFound
from fabrics.inventory.compare.changes import Changes, Stage, Write
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.model.registry import PLANNED_CLASSES, SHARED_MODELS
from fabrics.inventory.plan.ports import is_first_lane

MAX_ATTEMPTS: Final = 3
MAX_MESSAGE_CHARS: Final = 200
"""The limit of a message in NetBox's changelog; longer ones fail."""


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """The outcome of one write: the object's id, or the reason why there is none."""

    write: Write
    id: ObjectId | None
    reason: str = ""


@dataclass(slots=True)
class WriteResult:
    """The outcome of all writes. `ids` are those of all known objects, old and new."""

    ids: dict[Ref, ObjectId]
    created: set[Ref] = field(default_factory=set)
    updated: set[Ref] = field(default_factory=set)
    refused: dict[Ref, ObjectResult] = field(default_factory=dict)
    missing_references: dict[Ref, Ref] = field(default_factory=dict)
    """Objects that were not written, each with a missing object that it refers to."""

    done_count: int = 0


type ProgressCallback = Callable[[int], None]
"""Receives the number of finished writes."""


class Writer:
    """Writes for one fabric; `message` goes into NetBox's changelog."""

    def __init__(
        self, netbox: InventoryNetBox, reader: Reader, fabric_id: str, message: str
    ) -> None:
        self._netbox = netbox
        self._reader = reader
        self._fabric_id = fabric_id
        self._message = message[:MAX_MESSAGE_CHARS]

    def write(self, changes: Changes, progress: ProgressCallback) -> WriteResult:
        """Make all changes. Raises `TransientError` and `PermanentError`."""
        result = WriteResult(dict(changes.existing_ids))
        with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS, "inventory") as pool:
            for stage in changes.stages:
                lanes = split_into_lanes(tuple(self._select_ready(stage, result)))
                for object_result in self._run_lanes(pool, lanes, result.ids):
                    _add_result(result, object_result)
                    progress(result.done_count)
        return result

    def _select_ready(self, stage: Stage, result: WriteResult) -> Iterator[Write]:
        """Yield the possible writes of a stage, with the ids of objects created before."""
        for write in stage:
            object_id = write.id or result.ids.get(write.ref)
            missing = [ref for ref in write.references() if ref not in result.ids]
            if missing:
                result.missing_references[write.ref] = missing[0]
                result.done_count += 1
            elif write.key or object_id:
                yield Write(write.ref, object_id, write.fields, write.key)
            else:
                result.done_count += 1  # the second write of an object that could not be created

    def _run_lanes(
        self, pool: ThreadPoolExecutor, lanes: Iterable[Lane], ids: Mapping[Ref, ObjectId]
    ) -> Iterator[ObjectResult]:
        """Send the requests of each lane one after the other, with lanes side by side.

        The threads of the pool change no state: they receive all data and return results. So the caller
        may stop between any two requests, and then waits only for those that are under way.
        """
        known_ids = dict(ids)
        waiting = {number: list(lane) for number, lane in enumerate(lanes)}
        running: dict[Future[list[ObjectResult]], int] = {}
        while waiting or running:
            for number in waiting.keys() - running.values():
                batch = waiting[number].pop(0)
                running[pool.submit(self.send, batch, known_ids)] = number
                if not waiting[number]:
                    del waiting[number]
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                del running[future]
                yield from future.result()

    def send(self, batch: Batch, ids: Mapping[Ref, ObjectId]) -> list[ObjectResult]:
        """Send a batch, except for lanes that template interfaces of their ports become."""
        first_lanes = [write for write in batch.writes if _is_new_first_lane(write)]
        taken = _make_retrying()(self._take_over_template_interfaces, first_lanes, ids)
        taken_refs = {result.write.ref for result in taken}
        rest = tuple(write for write in batch.writes if write.ref not in taken_refs)
        return taken + (self._send(Batch(batch.model, rest), ids) if rest else [])

    def _send(self, batch: Batch, ids: Mapping[Ref, ObjectId]) -> list[ObjectResult]:
        """Send a batch in one request, or in several if NetBox refuses part of it."""
        try:
            return self._send_once(batch, ids)
        except RowsRefused as error:
            resolved = self._resolve_refused_creates(batch, error.reasons, ids)
            resolved_refs = {result.write.ref for result in resolved}
            failed = [
                ObjectResult(batch.writes[position], None, reason)
                for position, reason in error.reasons.items()
                if batch.writes[position].ref not in resolved_refs
            ]
            rest = tuple(w for n, w in enumerate(batch.writes) if n not in error.reasons)
            return resolved + failed + (self._send(Batch(batch.model, rest), ids) if rest else [])
        except (BadRequest, NotFound, InUse) as error:
            if len(batch.writes) == 1:
                return [ObjectResult(batch.writes[0], None, str(error))]
            middle = len(batch.writes) // 2
            halves = batch.writes[:middle], batch.writes[middle:]
            return [done for half in halves for done in self._send(Batch(batch.model, half), ids)]

    def _resolve_refused_creates(
        self, batch: Batch, positions: Iterable[int], ids: Mapping[Ref, ObjectId]
    ) -> list[ObjectResult]:
        """Return results for refused new objects that exist already and serve as well.

        Another fabric may have created shared objects meanwhile, and NetBox may have completed a request
        that took too long only after its objects were looked up.
        """
        if not batch.is_create:
            return []
        refused = tuple(batch.writes[position] for position in positions)
        existing = self._find_existing(Batch(batch.model, refused), ids)
        # Another fabric has created a shared object: with an id it does not count as created by us.
        is_shared = batch.model in SHARED_MODELS
        results = [
            ObjectResult(replace(w, id=existing[w.key]) if is_shared else w, existing[w.key])
            for w in refused
            if w.key in existing
        ]
        if batch.model is Model.INTERFACE:
            missing = [write for write in refused if write.key not in existing]
            results += self._take_over_template_interfaces(missing, ids)
        return results

    def _take_over_template_interfaces(
        self, writes: list[Write], ids: Mapping[Ref, ObjectId]
    ) -> list[ObjectResult]:
        """Take over interfaces that NetBox created, in place of new ones."""
        new = {write.ref: write for write in writes}
        templated = find_template_interfaces(self._netbox, writes, ids)
        if not templated:
            return []
        rows = [
            self.serialize(_drop_unknown_fields(new[ref]), ids) | {"id": row["id"]}
            for ref, row in templated.items()
        ]
        try:
            self._netbox.write("PATCH", PATHS[Model.INTERFACE], rows)
        except (BadRequest, NotFound):  # then it is a conflict, like objects that people made
            return []
        taken = {ref: ObjectId(Model.INTERFACE, row["id"]) for ref, row in templated.items()}
        return [ObjectResult(replace(new[ref], id=id_), id_) for ref, id_ in taken.items()]

    def _send_once(self, batch: Batch, ids: Mapping[Ref, ObjectId]) -> list[ObjectResult]:
        existing: dict[str, ObjectId] = {}
        for attempt in _make_retrying():
            with attempt:
                if attempt.retry_state.attempt_number > 1 and batch.is_create:
                    existing = self._find_existing(batch, ids)
                return self._request(batch, ids, existing)
        raise AssertionError("tenacity raises what the last attempt raised")

    def _request(
        self, batch: Batch, ids: Mapping[Ref, ObjectId], existing: Mapping[str, ObjectId]
    ) -> list[ObjectResult]:
        """Send one request for the writes whose objects are not among the `existing`."""
        results = [ObjectResult(w, existing[w.key]) for w in batch.writes if w.key in existing]
        missing = [w for w in batch.writes if w.key not in existing or not batch.is_create]
        if not missing:
            return results
        rows = [self.serialize(write, ids) for write in missing]
        answer = self._netbox.write(batch.method, PATHS[batch.model], rows)
        if not batch.is_create:
            return [ObjectResult(write, write.id) for write in missing]
        new_ids = (ObjectId(batch.model, row["id"]) for row in answer)
        return results + [ObjectResult(w, id_) for w, id_ in zip(missing, new_ids, strict=True)]

    def _find_existing(self, batch: Batch, ids: Mapping[Ref, ObjectId]) -> dict[str, ObjectId]:
        """Return the ids, by key, of objects that an interrupted request created."""
        if batch.model in SHARED_MODELS:
            found = self._reader.find_shared([_to_planned(write) for write in batch.writes], ids)
            return {ref.key: object_id for ref, object_id in found.items()}
        keys = {write.key for write in batch.writes}
        created = self._reader.find_created(batch.model)
        return {key: created[key] for key in keys & created.keys()}

    def serialize(self, write: Write, ids: Mapping[Ref, ObjectId]) -> Row:
        """Return a write as a row for REST."""
        model = write.ref.model
        row = serialize_fields(model, write.fields, lambda ref: ids[ref].number)
        row["changelog_message"] = self._message
        custom_fields: Row = row.pop("custom_fields", {})
        if write.id is not None:
            row["id"] = write.id.number
        elif model not in SHARED_MODELS:
            row |= CREATE_OPTIONS.get(model, {})
            row["tags"] = [{"slug": TAG_SLUG}]
            custom_fields[FABRIC_FIELD] = self._fabric_id
        if write.key and model not in SHARED_MODELS:
            custom_fields[KEY_FIELD] = write.key
        return row | ({"custom_fields": custom_fields} if custom_fields else {})


def _drop_unknown_fields(write: Write) -> Write:
    """Return a write without the values that a fabric leaves to NetBox's templates."""
    unknown = PLANNED_CLASSES[write.ref.model].UNKNOWN_VALUES
    fields = {name: v for name, v in write.fields.items() if v not in unknown.get(name, ())}
    return replace(write, fields=fields)


def _make_retrying() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(TransientError),
        wait=wait_random_exponential(multiplier=0.5, max=5),
        stop=stop_after_attempt(MAX_ATTEMPTS),
        reraise=True,
    )


def _is_new_first_lane(write: Write) -> bool:
    is_new_interface = write.id is None and write.ref.model is Model.INTERFACE
    return is_new_interface and is_first_lane(str(write.fields["name"]))


def _to_planned(write: Write) -> PlannedObject:
    """Return the object that a write creates."""
    fields: dict[str, Any] = dict(write.fields)
    return PLANNED_CLASSES[write.ref.model](key=write.key, **fields)


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
