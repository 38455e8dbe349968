"""Ports of a switch have the names that its agent and its neighbours report."""

import pytest

from stack.demo.switch_profiles import make_switch_profiles
from stack.kubernetes.agents.ports import list_switch_ports
from stack.kubernetes.manifests import read_manifests
from tests.support.paths import HEDGEHOG

PROFILES = HEDGEHOG / "samples/switchprofiles/switchprofiles.yaml"
DS3000, DS4000 = (profile["spec"] for profile in make_switch_profiles())


def test_undivided_port_is_reported_as_its_first_lane() -> None:
    ports = list_switch_ports({}, DS3000, ())
    port = ports.find("E1/29")
    assert port == ports.find("E1/29/1") == ports.ports["E1/29/1"]
    assert port
    assert (port.nos_name, port.cage, port.speed) == ("Ethernet112", "E1/29", "100G")
    assert ports.breakouts["E1/29"] == "1x100G"


def test_lanes_of_a_divided_port_have_names_of_their_own() -> None:
    ports = list_switch_ports({"portBreakouts": {"E1/2": "4x100G"}}, DS4000, ())
    lanes = [name for name in ports.ports if name.startswith("E1/2/")]
    assert lanes == ["E1/2/1", "E1/2/2", "E1/2/3", "E1/2/4"]
    assert [ports.ports[lane].nos_name for lane in lanes] == [
        "Ethernet8",
        "Ethernet10",
        "Ethernet12",
        "Ethernet14",
    ]


def test_ports_that_cannot_be_divided_keep_their_names() -> None:
    ports = list_switch_ports({}, DS3000, ())
    assert ports.ports["E1/33"].nos_name == "Ethernet128"
    assert ports.ports["M1"].is_management


def test_switch_without_a_profile_has_the_ports_in_use() -> None:
    ports = list_switch_ports({}, None, ["E1/3", "E1/5/2"])
    assert [port.nos_name for port in ports.ports.values()] == ["Ethernet8", "Ethernet17"]


@pytest.mark.skipif(not PROFILES.exists(), reason="needs the switch profiles of a real fabric")
def test_own_profiles_name_ports_as_the_real_ones_do() -> None:
    real = {profile["metadata"]["name"]: profile["spec"] for profile in read_manifests(PROFILES)}
    for own in make_switch_profiles():
        expected = list_switch_ports({}, real[own["metadata"]["name"]], ())
        assert list_switch_ports({}, own["spec"], ()) == expected


@pytest.mark.skipif(not PROFILES.exists(), reason="needs the switch profiles of a real fabric")
def test_no_real_profile_gives_two_ports_one_name() -> None:
    for profile in read_manifests(PROFILES):
        ports = list_switch_ports({}, profile["spec"], ()).ports.values()
        assert len({port.nos_name for port in ports}) == len(ports), profile["metadata"]["name"]
