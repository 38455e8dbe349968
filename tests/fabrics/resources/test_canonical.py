"""Spellings that mean the same, and those that only look alike."""

import pytest

from fabrics.resources import canonical


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
def test_ports(name: str, expected: str) -> None:
    assert canonical.canonicalize_port(name) == expected


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
def test_mac_addresses(address: str, expected: str) -> None:
    assert canonical.canonicalize_mac(address) == expected


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
def test_durations(value: str, expected: str) -> None:
    assert canonical.canonicalize_duration(value) == expected


def test_speeds() -> None:
    assert canonical.canonicalize_speed("SPEED_25G") == canonical.canonicalize_speed("25G") == "25G"
