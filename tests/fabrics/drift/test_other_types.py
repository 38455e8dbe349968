"""Known fields whose values have another type than this version knows.

A release may turn a flag into a mapping. What is known of the other side is compared; of two values
of unknown type, and of one that is live only, what holds for unknown fields.
"""

import pytest

from fabrics.drift.model import Drift
from fabrics.resources.json_types import Json
from tests.support.fabrics.objects import compared, paths

MAPPING: Json = {"enabled": True}
FILLED_IN: dict[str, dict[str, Json]] = {
    "Switch": {"vlanNamespaces": ["default"]},
    "VPC": {"ipv4Namespace": "default", "vlanNamespace": "default"},
}


def notices(drift: Drift) -> list[str]:
    return [field.path for field in drift.unknown_fields]


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("Server", {"profile": MAPPING}, "spec.profile"),
        ("Server", {"profile": [MAPPING]}, "spec.profile"),
        ("Switch", {"groups": MAPPING}, "spec.groups"),
        ("Switch", {"redundancy": "mclag"}, "spec.redundancy"),
        ("Switch", {"portBreakouts": [MAPPING]}, "spec.portBreakouts"),
        ("VPC", {"permit": MAPPING}, "spec.permit"),
        ("Connection", {"bundled": {"links": MAPPING}}, "spec.bundled.links"),
    ],
)
def test_live_value_of_another_type_is_named_and_no_drift(
    kind: str, spec: dict[str, Json], path: str
) -> None:
    git = "{bundled: {}}" if kind == "Connection" else "{}"
    drift = compared(kind, git, FILLED_IN.get(kind, {}) | spec)
    assert (paths(drift), notices(drift)) == ([], [path])


@pytest.mark.parametrize(
    ("git", "cluster"),
    [
        ("{profile: x}", {"profile": MAPPING}),
        ("{profile: {enabled: true}}", {"profile": "x"}),
        ("{profile: {enabled: true}}", {}),
        ("{profile: [{enabled: true}]}", {"profile": MAPPING}),
    ],
)
def test_value_that_git_states_is_compared_with_one_of_another_type(
    git: str, cluster: Json
) -> None:
    drift = compared("Server", git, cluster)
    assert (paths(drift), notices(drift)) == (["spec.profile"], [])


def test_two_values_of_an_unknown_type_are_compared_as_unknown_fields() -> None:
    drift = compared(
        "Server",
        "{profile: {enabled: true, a: 1, ports: [1, 2]}}",
        {"profile": {"enabled": True, "a": 2, "added": 3, "ports": [2, 1]}},
    )
    assert paths(drift) == ["spec.profile.a"]
    assert notices(drift) == ["spec.profile.added", "spec.profile.ports"]


def test_known_presence_counts_whatever_is_inside() -> None:
    git = "{external: a, connection: c}"
    live: dict[str, Json] = {"external": "a", "connection": "c", "bfd": {"later": 1}}
    assert paths(compared("ExternalAttachment", git, live)) == ["spec.bfd"]
    live = FILLED_IN["Switch"] | {"portBreakouts": {"E1/1": MAPPING}}
    switch = compared("Switch", "{}", live)
    assert paths(switch) == ['spec.portBreakouts["E1/1"]']


@pytest.mark.parametrize(
    ("kind", "git", "cluster", "path"),
    [
        (
            "VLANNamespace",
            "{ranges: [{from: 1, to: 2, x: [a, b]}, {from: 3, to: 4}]}",
            {"ranges": [{"from": 3, "to": 4}, {"from": 1, "to": 2, "x": ["b", "a"]}]},
            "spec.ranges[0].x",
        ),
        (
            "VPC",
            "{permit: [[a, b]], staticRoutes: [{prefix: p, x: [{a: 1}, {b: 2}]}]}",
            FILLED_IN["VPC"]
            | {
                "permit": [["a", "b"]],
                "staticRoutes": [{"prefix": "p", "x": [{"b": 2}, {"a": 1}]}],
            },
            "spec.staticRoutes[0].x",
        ),
    ],
)
def test_order_inside_an_unknown_field_of_a_known_list_is_a_notice(
    kind: str, git: str, cluster: Json, path: str
) -> None:
    drift = compared(kind, git, cluster)
    assert (paths(drift), notices(drift)) == ([], [path])


def test_struct_with_unknown_fields_alone_is_as_good_as_absent() -> None:
    git = "{fabric: {links: [{leaf: {port: l/E1/1}, spine: {port: s/E1/1}}]}}"
    leaf: Json = {"port": "l/E1/1"}
    links: list[dict[str, Json]] = [{"leaf": leaf, "spine": {"later": 1}}, {"leaf": leaf}]
    without, empty = (compared("Connection", git, {"fabric": {"links": [link]}}) for link in links)
    assert paths(without) == paths(empty)
