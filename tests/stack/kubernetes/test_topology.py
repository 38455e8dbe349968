"""The next release defaults `spec.topology` as its webhooks do."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from stack.demo.admission import admit
from stack.kubernetes.topology import add_topology
from tests.support.paths import HEDGEHOG

FABRIC = {"fabric": "default"}
DOMAIN = FABRIC | {"domain": "default"}
DOMAINS = FABRIC | {"domains": ["default"]}


def manifest(kind: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401  as YAML has it
    api_version = "vpc.githedgehog.com/v1beta1"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "topology"),
    [
        *(
            (kind, FABRIC)
            for kind in (
                "Connection",
                "SwitchGroup",
                "IPv4Namespace",
                "VPCAttachment",
                "VPCPeering",
                "ExternalAttachment",
                "ExternalPeering",
                "GatewayPeering",
            )
        ),
        *((kind, DOMAIN) for kind in ("External", "Gateway", "GatewayGroup", "VPCInterconnect")),
        *((kind, DOMAINS) for kind in ("Switch", "VPC")),
        *((kind, None) for kind in ("Server", "VLANNamespace", "Fabric")),
    ],
)
def test_each_kind_gets_its_parts_of_the_topology(
    kind: str, topology: dict[str, Any] | None
) -> None:
    assert add_topology(manifest(kind))["spec"].get("topology") == topology


def test_stated_parts_stay_and_domains_are_sorted() -> None:
    stated = manifest("Switch", topology={"fabric": "b", "domains": ["y", "x"]})
    assert add_topology(stated)["spec"]["topology"] == {"fabric": "b", "domains": ["x", "y"]}
    partial = manifest("External", topology={"fabric": "b"})
    assert add_topology(partial)["spec"]["topology"] == {"fabric": "b", "domain": "default"}


def test_labels_name_the_fabric_and_the_domains_in_place_of_old_ones() -> None:
    stated = manifest("VPC", topology={"domains": ["x", "y"]})
    stated["metadata"]["labels"] = {"mine": "1", "fabric.fabric.githedgehog.com/old": "true"}

    assert add_topology(stated)["metadata"]["labels"] == {
        "mine": "1",
        "fabric.fabric.githedgehog.com/default": "true",
        "domain.fabric.githedgehog.com/x": "true",
        "domain.fabric.githedgehog.com/y": "true",
    }
    connection = add_topology(manifest("Connection", unbundled={}))
    assert connection["metadata"]["labels"] == {"fabric.fabric.githedgehog.com/default": "true"}


def test_admission_of_the_next_release_adds_to_that_of_the_current_one() -> None:
    link = {"server": {"port": "s/eth0"}, "switch": {"port": "leaf/E1/1"}}
    connection = manifest("Connection", unbundled={"link": link}, topology={"fabric": "b"})

    current = admit(connection)
    admitted = add_topology(current)

    assert admitted["metadata"]["annotations"] == current["metadata"]["annotations"]
    assert admitted["metadata"]["labels"] == current["metadata"]["labels"] | {
        "fabric.fabric.githedgehog.com/b": "true"
    }


@pytest.mark.skipif(not HEDGEHOG.exists(), reason="needs the recorded objects of a real fabric")
def test_topology_of_a_real_fabric_is_that_of_its_upgraded_objects() -> None:
    current, upgraded = (
        json.loads((HEDGEHOG / folder / f"vlab-gateway-externals.{name}.json").read_text())["items"]
        for folder, name in (("live", "webhook"), ("next", "topology.live"))
    )
    assert specs(map(add_topology, current)) == specs(upgraded)


def specs(items: Iterable[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(item["kind"], item["metadata"]["name"]): item.get("spec") for item in items}
