"""Names of a switch's ports in the API and in the NOS."""

from typing import Any

import msgspec
import pytest

from fabrics.agents.port_names import map_nos_ports
from fabrics.agents.wiring import SwitchProfileSpec, SwitchSpec
from stack.kubernetes.agents.ports import list_switch_ports
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.inventory.live_samples import profiles

PROFILE: dict[str, Any] = {
    "nosType": "sonic-bcm-base",
    "ports": {
        "M1": {"management": True, "nos": "Management0"},
        "E1/1": {"nos": "Ethernet0", "profile": "fixed"},
        "E1/5": {"nos": "1/5", "baseNOSName": "Ethernet16", "profile": "divisible"},
        "E1/6": {"nos": "1/6", "baseNOSName": "Ethernet20", "profile": "divisible"},
    },
    "portProfiles": {
        "fixed": {"speed": {"default": "25G"}},
        "divisible": {
            "breakout": {
                "default": "1x100G",
                "supported": {
                    "1x100G": {"offsets": ["0"]},
                    "4x25G": {"offsets": ["0", "1", "2", "3"]},
                },
            }
        },
    },
}


def mapping(breakouts: dict[str, str], profile: dict[str, Any] = PROFILE) -> dict[str, str]:
    spec = msgspec.convert(profile, SwitchProfileSpec)
    return map_nos_ports(SwitchSpec(port_breakouts=breakouts), spec)


def test_undivided_ports_have_the_name_of_their_first_lane() -> None:
    assert mapping({}) == {
        "Management0": "M1",
        "Ethernet0": "E1/1",
        "Ethernet16": "E1/5",
        "Ethernet20": "E1/6",
    }


@pytest.mark.parametrize("spelling", ["E1/5", "E1/5/1"])
def test_lanes_follow_the_stated_breakout(spelling: str) -> None:
    found = mapping({spelling: "4x25G"})
    lanes = {nos: api for nos, api in found.items() if api.startswith("E1/5")}
    assert lanes == {
        "Ethernet16": "E1/5",
        "Ethernet17": "E1/5/2",
        "Ethernet18": "E1/5/3",
        "Ethernet19": "E1/5/4",
    }


def test_port_with_an_unknown_breakout_is_left_out() -> None:
    assert "E1/5" not in mapping({"E1/5": "8x10G"}).values()


def test_names_of_two_ports_are_left_out() -> None:
    ports = {**PROFILE["ports"], "E1/7": {"nos": "Ethernet0", "profile": "fixed"}}
    assert "Ethernet0" not in mapping({}, {**PROFILE, "ports": ports})


def test_port_without_a_usable_base_name_is_left_out() -> None:
    ports = {"E1/5": {"nos": "1/5", "baseNOSName": "swp5", "profile": "divisible"}}
    assert mapping({}, {**PROFILE, "ports": ports}) == {}


@needs_samples
@pytest.mark.parametrize(
    "profile",
    profiles() if needs_samples.args[0] is False else (),
    ids=lambda p: p["metadata"]["name"],
)
def test_every_port_of_every_known_model_has_a_name(profile: dict[str, Any]) -> None:
    spec = profile["spec"]
    ports = list_switch_ports({}, spec, ()).ports
    expected = {port.nos_name: port.name for port in ports.values()}
    found = mapping({}, spec)
    assert found.keys() == expected.keys()
    assert all(expected[nos] in (api, f"{api}/1") for nos, api in found.items())
