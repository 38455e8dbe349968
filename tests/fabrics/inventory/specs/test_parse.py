"""Invalid live objects are skipped, with a sentence that gives the reason."""

from typing import Any

import pytest

from fabrics.inventory.model.dcim import Device, MACAddress
from fabrics.inventory.model.ipam import VRF, IPAddress, Prefix
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import resource_from_api
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import keys, one, plan, server, skipped, switch


def nested(depth: int) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("kind", "spec", "reason"),
    [
        ("Switch", {"asn": "65101"}, "spec.asn: input should be a valid integer"),
        ("Switch", {"asn": True}, "spec.asn: input should be a valid integer"),
        ("Switch", {"groups": {"a": 1}}, "spec.groups: input should be a valid list"),
        ("Switch", {"profile": "a\nb"}, "spec.profile: contains unprintable characters"),
        ("Switch", {"role": "\ud800"}, "spec.role: contains unprintable characters"),
        ("Switch", {"role": " x"}, "spec.role: begins or ends with a space"),
        ("Server", {"description": 1}, "spec.description: input should be a valid string"),
        ("Gateway", {"interfaces": {"a b": {}}}, "spec.interfaces.a b.[key]: string should match"),
        ("VPC", {"subnets": {"a": {}}}, "spec.subnets.a.subnet: field required"),
        ("VPC", {"subnets": []}, "spec.subnets: input should be a valid dictionary"),
        (
            "VPC",
            {"subnets": {"a": {"subnet": "10.0.0.0/24", "vlan": 5000}}},
            "spec.subnets.a.vlan: input should be less than or equal to 4094",
        ),
        (
            "VPC",
            {"subnets": {"a": {"subnet": "10.0.0.0/33"}}},
            "spec.subnets.a.subnet: is '10.0.0.0/33'",
        ),
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
            {"peering": {"a": {"b": ["\x00"]}}},
            "spec.peering.a: contains unprintable characters",
        ),
        ("VPC", {"staticRoutes": [{"a": nested(300)}]}, "spec.staticRoutes.0.a"),
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
    ],
)
def test_invalid_optional_value_is_skipped_alone(
    kind: str, spec: dict[str, Json], part: str, reason: str
) -> None:
    made = plan(_make_odd(kind, spec))
    [(key, message)] = skipped(made).items()
    assert key == f"{kind}/default/odd#{part}"
    assert message.startswith(reason)
    assert keys(made, Device) == [f"{kind}/default/odd"]
    assert made.incomplete == {f"{kind}/default/odd"}


def test_all_invalid_optional_values_are_skipped() -> None:
    boot: Json = {"serial": "CN 1", "mac": "0c:20:12:fe:00:01"}
    made = plan(switch("leaf-1", ip="x", vtepIP="172.30.12.0/32", boot=boot))
    assert skipped(made).keys() == {"Switch/default/leaf-1#ip", "Switch/default/leaf-1#boot.serial"}
    assert keys(made, IPAddress) == ["Switch/default/leaf-1#Loopback2"]
    assert keys(made, MACAddress) == ["Switch/default/leaf-1#M1"]


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
