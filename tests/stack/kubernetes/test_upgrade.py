"""An emulated API plays either release, and is upgraded while it runs."""

from typing import Any

import pytest

from fabrics.resources.kinds import get_kind
from stack.kubernetes.releases import VPC_INTERCONNECT, HedgehogRelease
from tests.stack.kubernetes.conftest import ApiClient

WIRING, VPC = "wiring.githedgehog.com", "vpc.githedgehog.com"


def path(group: str, plural: str) -> str:
    return f"/apis/{group}/v1beta1/namespaces/default/{plural}"


def manifest(
    group: str,
    kind: str,
    name: str,
    **spec: Any,  # noqa: ANN401  as YAML has it
) -> dict[str, Any]:
    api_version = f"{group}/v1beta1"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


INTERCONNECT = manifest(
    VPC,
    "VPCInterconnect",
    "isp-a",
    links=[{"connection": "c1", "vlan": 100, "remoteASN": 64102, "bfd": {}}],
    local={"vpc-01": {"subnets": ["b", "a"]}},
    remote={"prefixes": ["10.0.0.0/8", "0.0.0.0/0"]},
)


def items(client: ApiClient, group: str, plural: str) -> dict[str, dict[str, Any]]:
    listed = client.get(path(group, plural))["items"]
    return {item["metadata"]["name"]: item for item in listed}


def served(client: ApiClient, group: str) -> dict[str, str]:
    """Return the served kinds by plural, as a client finds them by discovery."""
    version = client.get(f"/apis/{group}")["preferredVersion"]["version"]
    resources = client.get(f"/apis/{group}/{version}")["resources"]
    return {
        resource["name"]: resource["kind"] for resource in resources if "/" not in resource["name"]
    }


def test_discovery_has_the_new_kinds_after_an_upgrade_only(health_client: ApiClient) -> None:
    groups = {group["name"] for group in health_client.get("/apis")["groups"]}
    assert groups >= {WIRING, VPC, "agent.githedgehog.com", "gwint.githedgehog.com"}
    before = served(health_client, WIRING) | served(health_client, VPC)
    assert before["switches"] == "Switch"
    assert {"fabrics", "vpcinterconnects"}.isdisjoint(before)
    assert health_client.request(path(WIRING, "fabrics")).status == 404

    health_client.api.upgrade(HedgehogRelease.NEXT)

    assert served(health_client, WIRING)["fabrics"] == "Fabric"
    assert served(health_client, VPC)["vpcinterconnects"] == "VPCInterconnect"
    assert health_client.request(path(WIRING, "fabrics")).status == 200


def test_stopped_kind_vanishes_from_discovery(health_client: ApiClient) -> None:
    health_client.api.apply(manifest(WIRING, "Server", "a"))
    health_client.api.stop_serving(get_kind("Server"))
    assert "servers" not in served(health_client, WIRING)


def test_upgrade_defaults_stored_objects_anew(health_client: ApiClient) -> None:
    api = health_client.api
    link = {"server": {"port": "s/eth0"}, "switch": {"port": "leaf/E1/1"}}
    connection = manifest(WIRING, "Connection", "a", unbundled={"link": link})
    api.apply_all([connection, manifest(WIRING, "Server", "s")])
    before = items(health_client, WIRING, "connections")["a"]["metadata"]
    server = items(health_client, WIRING, "servers")["s"]

    api.upgrade(HedgehogRelease.NEXT)

    after = items(health_client, WIRING, "connections")["a"]
    assert after["spec"]["topology"] == {"fabric": "default"}
    assert after["metadata"]["labels"] == {"fabric.fabric.githedgehog.com/default": "true"}
    assert after["metadata"]["uid"] == before["uid"]
    assert after["metadata"]["generation"] == before["generation"] + 1
    assert int(after["metadata"]["resourceVersion"]) > int(before["resourceVersion"])
    assert items(health_client, WIRING, "servers")["s"] == server


def test_upgrade_makes_the_default_fabric_and_later_writes_get_a_topology(
    health_client: ApiClient,
) -> None:
    health_client.api.upgrade(HedgehogRelease.NEXT)
    health_client.api.apply(manifest(VPC, "External", "isp"))

    assert list(items(health_client, WIRING, "fabrics")) == ["default"]
    isp = items(health_client, VPC, "externals")["isp"]
    assert isp["spec"]["topology"] == {"fabric": "default", "domain": "default"}


def test_interconnect_owns_an_external_attachments_and_peerings(health_client: ApiClient) -> None:
    health_client.api.upgrade(HedgehogRelease.NEXT)
    health_client.api.apply(INTERCONNECT)

    interconnect = items(health_client, VPC, "vpcinterconnects")["isp-a"]
    assert interconnect["spec"]["ipv4Namespace"] == "default"
    assert interconnect["spec"]["local"]["vpc-01"]["subnets"] == ["a", "b"]
    assert interconnect["spec"]["remote"]["prefixes"] == ["0.0.0.0/0", "10.0.0.0/8"]
    external = items(health_client, VPC, "externals")["isp-a"]
    attachment = items(health_client, VPC, "externalattachments")["isp-a--c1--100"]
    peering = items(health_client, VPC, "externalpeerings")["isp-a--vpc-01"]
    for item in (external, attachment, peering):
        (owner,) = item["metadata"]["ownerReferences"]
        assert owner["uid"] == interconnect["metadata"]["uid"]
        assert (owner["kind"], owner["name"]) == ("VPCInterconnect", "isp-a")
    assert attachment["spec"]["switch"] == {"vlan": 100}
    assert attachment["spec"]["bfd"] == {}
    assert peering["spec"]["permit"]["vpc"] == {"name": "vpc-01", "subnets": ["a", "b"]}


def test_owned_objects_follow_their_interconnect(health_client: ApiClient) -> None:
    api = health_client.api
    api.upgrade(HedgehogRelease.NEXT)
    api.apply(INTERCONNECT)
    api.apply(manifest(VPC, "External", "mine"))
    other = {"links": [{"connection": "c2", "vlan": 7}]}
    api.apply(INTERCONNECT | {"spec": INTERCONNECT["spec"] | other})
    assert list(items(health_client, VPC, "externalattachments")) == ["isp-a--c2--7"]

    api.delete(VPC_INTERCONNECT, "isp-a")

    assert list(items(health_client, VPC, "externals")) == ["mine"]
    assert items(health_client, VPC, "externalpeerings") == {}


def test_kind_that_no_release_serves_cannot_be_applied(health_client: ApiClient) -> None:
    with pytest.raises(ValueError, match="is not served"):
        health_client.api.apply(manifest(VPC, "Nothing", "a"))
