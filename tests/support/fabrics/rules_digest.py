"""A digest of the drift and inventory plans that the code makes of samples.

It depends on results alone: not on names in the code, messages for people, hash seeds or the version of Python.
Run `python -m tests.support.fabrics.rules_digest` to record it for a new `RULES_VERSION`.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, cast

from fabrics.drift.compare import find_drift
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import Drift, LiveState
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE, Kind
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from fabrics.rules_version import RULES_VERSION
from stack.demo.fabrics import SAMPLE_FABRICS, SampleFabric, make_in_sync_objects
from tests.support.inventory.sample_objects import DIVISIBLE, sample_objects
from tests.support.paths import PROJECT

DIGEST_FILE = PROJECT / "tests" / "fabrics" / "rules_digest.json"
RECORD_COMMAND = "python -m tests.support.fabrics.rules_digest"
GENERATED_FABRICS = 8
PROFILE_SPEC = {
    "displayName": "Sample switch",
    "nosType": "sonic-bcm-base",
    "ports": {
        "M1": {"management": True},
        **{f"E1/{number}": {"group": "1"} for number in range(1, 31)},
        "E1/31": {"profile": "RJ45-2.5G"},
        "E1/32": {"profile": "QSFP28-100G"},
        "E1/33": {"profile": "OSFP-2x400G"},
        "E1/55": {"profile": "QSFP28-100G"},
    },
    "portGroups": {"1": {"profile": "SFP28-25G"}},
    "portProfiles": {
        "SFP28-25G": {"speed": {"default": "25G", "supported": ["10G", "25G"]}},
        "QSFP28-100G": {"breakout": {"default": "1x100G"}},
        "OSFP-2x400G": {"breakout": {"default": "2x400G"}},
        "RJ45-2.5G": {"speed": {"default": "2.5G"}},
    },
}

type Items = list[dict[str, Any]]


def compute_rules_digest() -> str:
    """Return the digest of all results."""
    identity = FabricIdentity("sample", "Sample")
    results = [
        [_serialize_drift(find_drift(desired, live)), _serialize_plan(make_plan(live, identity))]
        for desired, live in _iter_states()
    ]
    return sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()


def _iter_states() -> Iterator[tuple[DesiredState, LiveState]]:
    for fabric in SAMPLE_FABRICS:
        make_live = fabric.make_live or make_in_sync_objects
        yield _read_files(fabric), _parse_live(make_live(fabric.read_desired()))
    for seed in range(GENERATED_FABRICS):
        # The next seed makes another fabric with many of the same names, so nearly everything has drifted.
        live, other = sample_objects(seed), sample_objects(seed + 1)
        yield _parse_desired(other), _parse_live(live)
        yield _parse_desired(live), _parse_live([*live, *_make_profiles()])


def _read_files(fabric: SampleFabric) -> DesiredState:
    files = sorted(fabric.directory.rglob("*.yaml"))
    return build_desired_state(parse_manifests(file.name, file.read_bytes()) for file in files)


def _parse_desired(items: Items) -> DesiredState:
    text = "\n---\n".join(map(json.dumps, items))
    return build_desired_state([parse_manifests("fabric.yaml", text.encode())])


def _parse_live(items: Items) -> LiveState:
    return parse_dump({"apiVersion": "v1", "kind": "List", "items": cast(Json, items)})


def _make_profiles() -> Items:
    return [
        {
            "apiVersion": SWITCH_PROFILE.api_version,
            "kind": SWITCH_PROFILE.name,
            "metadata": {"name": name, "namespace": "default"},
            "spec": PROFILE_SPEC,
        }
        for name in DIVISIBLE
    ]


def _serialize_drift(drift: Drift) -> Json:
    return _to_json(
        [
            [
                [entry.key, entry.change, [(f.path, f.desired, f.live) for f in entry.fields]]
                for entry in drift.entries
            ],
            [
                (kind, (count.desired, count.live, count.changed, count.missing, count.extra))
                for kind, count in drift.counts.items()
            ],
            [(field.key, field.path, field.live) for field in drift.unmanaged],
            [drift.unserved_kinds, drift.unread_kinds, drift.incomplete_kinds],
        ]
    )


def _serialize_plan(plan: Plan) -> Json:
    return _to_json(
        [
            [_serialize_object(planned) for planned in plan.objects],
            [skipped.key for skipped in plan.skipped],
            sorted(plan.switches_without_profile.items()),
            plan.incomplete,
        ]
    )


def _serialize_object(planned: PlannedObject) -> Json:
    # Whether syncs have found drift is no result of two states.
    stated = {name: value for name, value in planned.fields().items() if name != "drift"}
    fields = _to_json(stated)
    create_only = planned.create_only_fields - {"drift"}
    return [planned.MODEL, planned.key, fields, _to_json(create_only)]


def _to_json(value: object) -> Json:
    match value:
        case Kind():
            return value.name
        case Ref():
            return [value.model, value.key]
        case Mapping():
            return {str(key): _to_json(item) for key, item in value.items()}
        case frozenset():
            return [_to_json(item) for item in sorted(value)]
        case tuple() | list():
            return [_to_json(item) for item in value]
        case None | str() | int() | float():
            return value
    raise TypeError(type(value))


if __name__ == "__main__":
    recorded = {"version": RULES_VERSION, "digest": compute_rules_digest()}
    DIGEST_FILE.write_text(json.dumps(recorded, indent=2) + "\n")
