"""Samples of what a release stores in Temporal and in NetBox.

Workflows outlive releases: one release starts them, sends them messages and calls their activities, another goes
on. A sample has a value in every field of every model that passes through Temporal.

Run `python -m tests.support.workflows.samples` to write those of this release.
"""

import dataclasses
import enum
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeAliasType,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.executions import ExecutionActivities
from activities.fleet.reconcile import FleetActivities
from activities.inventory.update import InventoryActivities
from activities.notifications.deliver import NotificationActivities
from activities.observe import FabricActivities
from activities.queues import QueueActivities
from activities.record import RecordActivities
from fabrics.fleet.states import FleetStates
from fabrics.loop.inventory_pass import PassResult
from fabrics.record.config import FabricConfig
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import build_status_fields, parse_last_known_state
from fabrics.record.sync_status import LastKnownState
from fabrics.resources.json_types import Json
from tests.support.paths import RELEASE, SAMPLES
from workers.workflow_worker import WORKFLOWS

ACTIVITIES: Final = (
    ExecutionActivities,
    FabricActivities,
    FleetActivities,
    InventoryActivities,
    NotificationActivities,
    QueueActivities,
    RecordActivities,
)

MESSAGES: Final = (PassResult, FleetStates)
"""The types of messages whose handlers take any `object` and check it themselves."""

MARKS: Final = (
    "__temporal_activity_definition",
    "__temporal_workflow_run",
    "__temporal_query_definition",
    "__temporal_signal_definition",
    "_defn",
)
"""The attributes that Temporal's decorators give to functions; the last one is that of updates."""

RECORD: Final = "NetBox record"
"""The name of the sample of a record, beside those of models."""

PLAIN_VALUES: Final[dict[object, object]] = {
    bool: True,
    int: 7,
    float: 7.5,
    str: "text",
    object: "text",
    date: date(2026, 3, 1),
    datetime: datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    timedelta: timedelta(seconds=7),
}

RECORD_FIELDS: Final = {
    "hh_fabric_id": "berlin",
    "hh_sync_enabled": True,
    "hh_sync_interval": 60,
    "hh_paused": True,
    "hh_pause_reason": "maintenance",
    "hh_paused_until": "2026-12-24T08:00:00Z",
    "hh_kubernetes_server": "https://k8s.example:6443",
    "hh_kubernetes_namespace": "fabric",
    "hh_credentials": "berlin-dc1",
    "hh_git_repository": "https://git.example/fabrics.git",
    "hh_git_branch": "live",
    "hh_git_directory": "/berlin",
    "hh_managed_kinds": ["Switch", "Server"],
    "hh_fabric_name": "default",
    "hh_task_queue": "berlin-site",
}
"""What people enter."""


@cache
def list_models() -> Mapping[str, type]:
    """Return the models that workflows and activities take and return, by name."""
    hints = [
        hint
        for owner in (*WORKFLOWS, *ACTIVITIES)
        for function in _list_marked(owner)
        for hint in get_type_hints(function).values()
    ]
    models = {model.__name__: model for hint in (*hints, *MESSAGES) for model in _find_models(hint)}
    return dict(sorted(models.items()))


def make_sample(hint: object) -> object:
    """Return a value of this type with something in every field."""
    kind = _unwrap(hint)
    if kind in PLAIN_VALUES:
        return PLAIN_VALUES[kind]
    if origin := get_origin(kind):
        return _make_generic(origin, get_args(kind))
    model = cast(type, kind)
    if issubclass(model, enum.Enum):
        return list(model)[-1]
    return model(**{name: make_sample(field) for name, field in _list_fields(model).items()})


def dump(value: object) -> Json:
    """Return the JSON in which Temporal keeps a value."""
    [payload] = pydantic_data_converter.payload_converter.to_payloads([value])
    return cast(Json, json.loads(payload.data))


def parse(model: type, stored: Json) -> object:
    """Return the value that Temporal hands to a workflow or activity."""
    payload = Payload(
        metadata={"encoding": b"json/plain"}, data=json.dumps(stored, ensure_ascii=False).encode()
    )
    [value] = pydantic_data_converter.payload_converter.from_payloads([payload], [model])
    return value


def make_record() -> dict[str, Any]:
    """Return a fabric's record as NetBox holds it, status included."""
    record: dict[str, Any] = {
        "id": 7,
        "name": "Berlin DC1",
        "status": "active",
        "custom_fields": RECORD_FIELDS,
    }
    last_known = cast(LastKnownState, make_sample(LastKnownState))
    fields = RECORD_FIELDS | build_status_fields(parse_config(record), last_known)
    return record | {"custom_fields": fields}


def parse_record(record: Mapping[str, Any]) -> tuple[FabricConfig, LastKnownState]:
    """Return what a worker reads in a record."""
    return parse_config(record), parse_last_known_state(record)


def make_samples() -> dict[str, Json]:
    """Return the samples of this release by name."""
    record = make_record()
    return {name: dump(make_sample(model)) for name, model in list_models().items()} | {
        RECORD: {"record": record, "read": [dump(part) for part in parse_record(record)]}
    }


def _list_marked(owner: type) -> Iterator[Callable[..., object]]:
    for name in dir(owner):
        function = getattr(owner, name)
        if any(hasattr(function, mark) for mark in MARKS):
            yield function


def _find_models(hint: object) -> Iterator[type]:
    """Yield the models that a type hint names."""
    if isinstance(hint, TypeAliasType):
        yield from _find_models(hint.__value__)
    elif isinstance(hint, type) and hint is not RawValue and _is_model(hint):
        yield hint
    for argument in get_args(hint):
        yield from _find_models(argument)


def _is_model(class_: type) -> bool:
    return issubclass(class_, BaseModel) or dataclasses.is_dataclass(class_)


def _list_fields(model: type) -> dict[str, object]:
    hints = get_type_hints(model, include_extras=True)
    if issubclass(model, BaseModel):
        return {name: hints[name] for name in model.model_fields}
    if dataclasses.is_dataclass(model):
        return {field.name: hints[field.name] for field in dataclasses.fields(model)}
    return hints  # a NamedTuple


def _unwrap(hint: object) -> object:
    """Return a type without its alias and annotations; of alternatives the first."""
    if isinstance(hint, TypeAliasType):
        return _unwrap(hint.__value__)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _unwrap(arguments[0])
    if origin in (Union, UnionType):
        return _unwrap(next(argument for argument in arguments if argument is not NoneType))
    return hint


def _make_generic(origin: object, arguments: tuple[object, ...]) -> object:
    if origin is Literal:
        return arguments[-1]
    items = [make_sample(argument) for argument in arguments if argument is not Ellipsis]
    if origin is dict:
        key, value = items
        return {key: value}
    return cast(Callable[[Iterable[object]], object], origin)(items)


if __name__ == "__main__":
    SAMPLES.mkdir(exist_ok=True)
    text = json.dumps(make_samples(), indent=1, ensure_ascii=False)
    (SAMPLES / f"{RELEASE}.json").write_text(text + "\n")
