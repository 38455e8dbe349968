"""Invalid live objects are skipped, with a sentence that gives the reason."""

from typing import Any

import pytest

from fabrics.drift.model import LiveState
from fabrics.inventory.model.dcim import Device, MACAddress
from fabrics.inventory.model.ipam import VRF, IPAddress, Prefix
from fabrics.inventory.plan.plan import make_plan
from fabrics.inventory.specs.parse import MAX_REASONS, MAX_VALUES
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, get_kind
from fabrics.resources.resource import resource_from_api
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import DC1, keys, one, plan, server, skipped, switch


@pytest.mark.parametrize(
    ("kind", "spec", "reason"),
    [
        (
            "VLANNamespace",
            {"ranges": [{"from": 9, "to": 3}]},
            "spec.ranges.0: starts at 9 but ends at 3",
        ),
        ("VLANNamespace", {}, "has no VLAN ranges"),
        ("ExternalPeering", {"permit": {}}, "spec.permit.vpc: field required"),
        (
            "GatewayPeering",
            {"peering": {"a": 1}},
            "spec.peering.a: input should be a valid dictionary",
        ),
        (
            "GatewayPeering",
            {"peering": {"a": {"expose": ["\x00"]}}},
            "spec.peering.a: contains unprintable characters",
        ),
        (
            "ExternalAttachment",
            {"external": "a", "connection": "a", "switch": {"vlan": "1"}},
            "spec.switch.vlan: input should be a valid integer",
        ),
    ],
)
def test_object_with_an_invalid_spec_is_skipped(kind: str, spec: Any, reason: str) -> None:  # noqa: ANN401
    made = plan(live("Server", "server-1"), _make_odd(kind, spec))
    [(key, message)] = skipped(made).items()
    assert key == f"{kind}/default/odd"
    assert message.startswith(reason)
    assert message.isprintable()
    assert keys(made, Device) == ["Server/default/server-1"]


@pytest.mark.parametrize(
    ("kind", "spec", "part", "reason"),
    [
        ("Switch", {"profile": "a\nb"}, "profile", "spec.profile: contains unprintable characters"),
        ("Switch", {"profile": ["vs"]}, "profile", "spec.profile: input should be a valid string"),
        ("Switch", {"role": "\ud800"}, "role", "spec.role: contains unprintable characters"),
        ("Switch", {"role": " x"}, "role", "spec.role: begins or ends with a space"),
        ("Switch", {"redundancy": ["a"]}, "redundancy", "spec.redundancy: input should be a valid"),
        (
            "Switch",
            {"redundancy": {"type": {}}},
            "redundancy.type",
            "spec.redundancy.type: input should be a valid string",
        ),
        ("Switch", {"portBreakouts": ["4x25G"]}, "portBreakouts", "spec.portBreakouts: input sho"),
        ("VPC", {"subnets": []}, "subnets", "spec.subnets: input should be a valid dictionary"),
        ("Gateway", {"interfaces": []}, "interfaces", "spec.interfaces: input should be a valid d"),
        ("Switch", {"ip": 5}, "ip", "spec.ip: is 5, not an IPv4 address with a prefix length"),
        ("Switch", {"ip": {"a": 1}}, "ip", "spec.ip: is {'a': 1}, not an IPv4 address"),
        ("Switch", {"boot": {"mac": "12:34"}}, "boot.mac", "spec.boot.mac: is not a MAC address"),
        ("Switch", {"boot": {"serial": "CN 1"}}, "boot.serial", "spec.boot.serial: string should"),
        (
            "Switch",
            {"protocolIP": "fd00::1/128"},
            "protocolIP",
            "spec.protocolIP: is 'fd00::1/128'",
        ),
        ("Switch", {"vtepIP": "x"}, "vtepIP", "spec.vtepIP: is 'x', not an IPv4 address"),
        ("Gateway", {"protocolIP": "x"}, "protocolIP", "spec.protocolIP: is 'x'"),
        ("Gateway", {"vtepIP": "x"}, "vtepIP", "spec.vtepIP: is 'x'"),
        ("Gateway", {"vtepMAC": "12:34"}, "vtepMAC", "spec.vtepMAC: is not a MAC address"),
        ("Gateway", {"interfaces": {"a b": {}}}, "interfaces.a b", "spec.interfaces.a b.[key]: st"),
        ("Gateway", {"neighbors": [{}, {"asn": ""}, 5]}, "neighbors.2", "spec.neighbors.2: input"),
        ("Switch", {"asn": "65101"}, "asn", "spec.asn: input should be a valid integer"),
        ("Switch", {"asn": True}, "asn", "spec.asn: input should be a valid integer"),
        ("Switch", {"groups": {"a": 1}}, "groups", "spec.groups: input should be a valid list"),
        ("Switch", {"boot": "x"}, "boot", "spec.boot: input should be a valid dictionary"),
        ("Switch", {"portSpeeds": ["25G"]}, "portSpeeds", "spec.portSpeeds: input should be a val"),
        ("Switch", {"portGroupSpeeds": 5}, "portGroupSpeeds", "spec.portGroupSpeeds: input should"),
        (
            "Switch",
            {"portBreakouts": {"E1/5": {"mode": "4x25G"}}},
            "portBreakouts.E1/5",
            "spec.portBreakouts.E1/5: input should be a valid string",
        ),
        ("Server", {"description": 1}, "description", "spec.description: input should be a valid"),
        ("VPC", {"subnets": {"a": {}}}, "subnets.a", "spec.subnets.a.subnet: field required"),
        (
            "VPC",
            {"subnets": {"a": {"subnet": "10.0.0.0/24", "vlan": 5000}}},
            "subnets.a",
            "spec.subnets.a.vlan: input should be less than or equal to 4094",
        ),
        (
            "VPC",
            {"subnets": {"a": {"subnet": "10.0.0.0/33"}}},
            "subnets.a",
            "spec.subnets.a.subnet: is '10.0.0.0/33'",
        ),
        (
            "VPC",
            {"staticRoutes": [{"prefix": "10.9.0.0/16"}, {"prefix": "\x00"}]},
            "staticRoutes.1",
            "spec.staticRoutes.1: contains unprintable characters",
        ),
        (
            "IPv4Namespace",
            {"subnets": ["10.0.0.0/16", {"cidr": "10.1.0.0/16"}]},
            "subnets.1",
            "spec.subnets.1: is {'cidr': '10.1.0.0/16'}",
        ),
        ("External", {"inboundCommunity": [1]}, "inboundCommunity", "spec.inboundCommunity: input"),
    ],
)
def test_invalid_optional_value_is_skipped_alone(
    kind: str, spec: dict[str, Json], part: str, reason: str
) -> None:
    made = plan(_make_odd(kind, spec))
    [(key, message)] = skipped(made).items()
    assert key == f"{kind}/default/odd#{part}"
    assert message.startswith(reason)
    assert f"{kind}/default/odd" in {planned.key for planned in made.objects}
    assert made.incomplete == {f"{kind}/default/odd"}


def test_all_invalid_optional_values_are_skipped() -> None:
    boot: Json = {"serial": "CN 1", "mac": "0c:20:12:fe:00:01"}
    made = plan(switch("leaf-1", ip="x", vtepIP="172.30.12.0/32", boot=boot))
    assert skipped(made).keys() == {"Switch/default/leaf-1#ip", "Switch/default/leaf-1#boot.serial"}
    assert keys(made, IPAddress) == ["Switch/default/leaf-1#Loopback2"]
    assert keys(made, MACAddress) == ["Switch/default/leaf-1#M1"]


def test_items_keep_their_places_in_the_reasons() -> None:
    made = plan(live("IPv4Namespace", "default", {"subnets": ["a", "10.0.0.0/16", "b"]}))
    assert skipped(made) == {
        f"IPv4Namespace/default/default#subnets.{n}": f"spec.subnets.{n}: is {text!r}, not an IPv4"
        " address with a prefix length"
        for n, text in ((0, "a"), (2, "b"))
    }
    assert keys(made, Prefix) == ["IPv4Namespace/default/default#10.0.0.0/16"]


def test_object_of_an_unknown_group_with_a_known_name_is_ignored() -> None:
    kind = Kind("next.githedgehog.com", "Server", "v1", "servers")
    stranger = resource_from_api({"metadata": {"name": "a"}, "spec": {"description": 5}}, kind)
    state = LiveState({kind: (stranger,), get_kind("Server"): (server("b"),)})
    made = make_plan(state, DC1)
    assert keys(made, Device) == ["Server/default/b"]
    assert skipped(made) == {}


def _make_odd(kind: str, spec: dict[str, Json]) -> Any:  # noqa: ANN401
    return resource_from_api({"metadata": {"name": "odd"}, "spec": spec}, get_kind(kind))


@pytest.mark.parametrize("name", ["Leaf", "a b", "a/b", "-a", "é", "a\n", "\ud800", "a" * 254])
def test_name_that_kubernetes_does_not_allow_is_skipped(name: str) -> None:
    [(key, reason)] = skipped(plan(switch(name))).items()
    assert key.isprintable()
    assert reason == "has a name that Kubernetes does not allow"


def test_choice_between_objects_with_same_name_is_deterministic() -> None:
    twins = [live("Server", "a", {"description": text}) for text in ("one", "two")]
    forward, backward = plan(*twins), plan(*reversed(twins))
    assert forward == backward
    assert keys(forward, Device) == ["Server/default/a"]
    assert skipped(forward) == {"Server/default/a": "is listed twice"}


def test_one_name_in_two_namespaces_is_two_objects() -> None:
    made = plan(server("a"), live("VPC", "prod"), live("VPC", "prod", namespace="lab"))
    assert keys(made, VRF) == ["Fabric/default/dc1#underlay", "VPC/default/prod"]
    assert skipped(made) == {
        "VPC/lab/prod": "needs ipam.vrf dc1:vpc:prod, which VPC/default/prod already uses"
    }


def test_empty_values_that_go_may_omit_are_ignored() -> None:
    empty: Json = {"ip": "", "boot": None, "groups": None, "vtepIP": None, "portBreakouts": {}}
    made = plan(live("Switch", "leaf-01", empty))
    assert one(made, Device, "Switch/default/leaf-01").role.key == "hh-switch"
    assert skipped(made) == {}


def test_fields_of_another_release_are_ignored() -> None:
    spec: Json = {"subnets": ["10.0.0.0/16"], "topology": {"fabric": "default"}}
    made = plan(live("IPv4Namespace", "default", spec))
    assert keys(made, Prefix) == ["IPv4Namespace/default/default#10.0.0.0/16"]


def test_empty_live_state_has_a_site_and_a_vrf() -> None:
    made = plan()
    assert [planned.key for planned in made.objects] == [
        "Fabric/default/dc1#site",
        "Fabric/default/dc1#underlay",
    ]


def test_spec_with_too_many_values_is_skipped_whole() -> None:
    routes: Json = [{}] * MAX_VALUES
    made = plan(live("VPC", "huge", {"staticRoutes": routes}), live("VPC", "small"))
    assert skipped(made) == {"VPC/default/huge": "has more than 20,000 keys and values"}
    assert made.incomplete == {"VPC/default/huge"}
    assert "VPC/default/small" in keys(made, VRF)


def test_only_the_first_of_many_invalid_parts_are_named() -> None:
    mistakes: list[Json] = [1] * 1000
    made = plan(live("VPC", "odd", {"staticRoutes": [*mistakes, {"prefix": "10.0.0.0/8"}]}))
    named = {f"VPC/default/odd#staticRoutes.{number}" for number in range(MAX_REASONS)}
    assert skipped(made).keys() == {*named, "VPC/default/odd"}
    assert skipped(made)["VPC/default/odd"] == "has 990 more parts that are invalid"
    assert one(made, VRF, "VPC/default/odd").details["staticRoutes"] == [{"prefix": "10.0.0.0/8"}]
