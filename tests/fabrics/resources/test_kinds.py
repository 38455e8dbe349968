"""The table of compared kinds."""

import pytest

from fabrics.resources.kinds import (
    ALL_COMPARED_KINDS,
    COMPARED_KINDS,
    find_kind,
    get_kind,
    get_kinds,
    is_hedgehog_group,
    is_not_compared,
)


def test_seventeen_kinds_have_distinct_plurals() -> None:
    assert (
        len(COMPARED_KINDS)
        == len(ALL_COMPARED_KINDS)
        == len({kind.plural for kind in COMPARED_KINDS})
        == 17
    )
    assert get_kind("Switch").plural == "switches"
    assert get_kind("Gateway").plural == "gateways"
    assert get_kind("GatewayPeering").api_version == "gateway.githedgehog.com/v1alpha1"


def test_kinds_are_found_by_group_and_name() -> None:
    for kind in COMPARED_KINDS:
        assert find_kind(kind.group, kind.name) is kind
        assert get_kind(kind.name) is kind
        assert not is_not_compared(kind.group, kind.name)
        assert is_hedgehog_group(kind.group)
    assert find_kind("apps", "Switch") is None
    assert is_not_compared("wiring.githedgehog.com", "SwitchProfile")
    assert not is_hedgehog_group("evilgithedgehog.com")


def test_unknown_kind_name_lists_known_names() -> None:
    with pytest.raises(
        ValueError, match=r"'Vpc' is not a kind to compare; .* Connection, .* VPCPeering\."
    ):
        get_kinds(["VPC", "Vpc"])
