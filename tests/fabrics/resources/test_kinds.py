"""The table of compared kinds."""

import pytest

from fabrics.resources.kinds import (
    ALL_KINDS,
    KINDS,
    find_kind,
    is_hedgehog,
    is_not_compared,
    kind_named,
    kinds_named,
)


def test_there_are_fifteen_kinds_with_plurals_of_their_own() -> None:
    assert len(KINDS) == len(ALL_KINDS) == len({kind.plural for kind in KINDS}) == 15
    assert kind_named("Switch").plural == "switches"
    assert kind_named("Gateway").plural == "gateways"
    assert kind_named("GatewayPeering").api_version == "gateway.githedgehog.com/v1alpha1"


def test_lookups_by_group_and_name() -> None:
    for kind in KINDS:
        assert find_kind(kind.group, kind.name) is kind
        assert kind_named(kind.name) is kind
        assert not is_not_compared(kind.group, kind.name)
        assert is_hedgehog(kind.group)
    assert find_kind("apps", "Switch") is None
    assert is_not_compared("wiring.githedgehog.com", "SwitchProfile")
    assert not is_hedgehog("evilgithedgehog.com")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'Vpc' is not a kind .* Connection, .* VPCPeering\."):
        kinds_named(["VPC", "Vpc"])
