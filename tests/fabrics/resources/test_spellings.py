"""Spellings that mean the same, and others that only look alike."""

import pytest

from fabrics.resources import spellings


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("E1/1/1", "E1/1"),
        ("leaf-01/E1/12/1", "leaf-01/E1/12"),
        ("E1/1", "E1/1"),
        ("E1/1/2", "E1/1/2"),
        ("E1/1/11", "E1/1/11"),
        ("server-1/enp2s1", "server-1/enp2s1"),
        ("M1/1/1", "M1/1/1"),
        ("", ""),
    ],
)
def test_first_lane_becomes_the_port(name: str, expected: str) -> None:
    assert spellings.canonicalize_port(name) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("0C:20:12:FF:00:0A", "0c:20:12:ff:00:0a"),
        ("0c-20-12-ff-00-0a", "0c:20:12:ff:00:0a"),
        ("0C20.12ff.000A", "0c:20:12:ff:00:0a"),
        ("0c:20:12:ff:00", "0c:20:12:ff:00"),
        ("0C20:12FF:000A", "0C20:12FF:000A"),
        ("x", "x"),
    ],
)
def test_mac_addresses_become_lower_case_with_colons(address: str, expected: str) -> None:
    assert spellings.canonicalize_mac(address) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2m", "2m0s"),
        ("120s", "2m0s"),
        ("90s", "1m30s"),
        ("1.5h", "1h30m0s"),
        ("1h0m0.5s", "1h0m0.5s"),
        ("3600000ms", "1h0m0s"),
        ("1500us", "1500000ns"),
        ("1.5ms", "1500000ns"),
        ("30s", "30s"),
        ("0", ""),
        ("0s", ""),
        ("5", "5"),
        ("-1s", "-1s"),
        ("1d", "1d"),
        ("soon", "soon"),
        ("", ""),
    ],
)
def test_durations_become_go_format(value: str, expected: str) -> None:
    assert spellings.canonicalize_duration(value) == expected


def test_speed_prefix_of_older_releases_is_dropped() -> None:
    assert spellings.canonicalize_speed("SPEED_25G") == spellings.canonicalize_speed("25G") == "25G"
