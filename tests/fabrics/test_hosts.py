"""Which hosts an allow-list covers, and which are this machine."""

import pytest

from fabrics.hosts import is_covered, is_loopback, parse_host_patterns

PATTERNS = "git.example.com, *.fabrics.example.com,10.0.0.0/8,192.0.2.7,2001:db8::/32"


@pytest.mark.parametrize(
    "host",
    [
        "git.example.com",
        "GIT.example.com.",
        "oslo.fabrics.example.com",
        "api.oslo.fabrics.example.com",
        "10.255.0.1",
        "192.0.2.7",
        "2001:db8::1",
        "2001:DB8:0::1",
        "::ffff:10.0.0.1",
    ],
)
def test_host_is_covered_by_a_pattern_for_it(host: str) -> None:
    assert is_covered(host, parse_host_patterns(PATTERNS))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "fabrics.example.com",
        "evilfabrics.example.com",
        "git.example.com.evil.org",
        "git.example.com..",
        "mygit.example.com",
        "192.0.2.8",
        "11.0.0.1",
        "2001:db9::1",
        "::ffff:11.0.0.1",
    ],
)
def test_other_hosts_are_not_covered(host: str) -> None:
    assert not is_covered(host, parse_host_patterns(PATTERNS))


@pytest.mark.parametrize(
    "host",
    [
        "10.1",
        "167772161",
        "0x0a000001",
        "012.0.0.1",
        "evil%2eorg.fabrics.example.com",
        "evil\N{IDEOGRAPHIC FULL STOP}fabrics.example.com",
        "\N{FULLWIDTH LATIN SMALL LETTER O}slo.fabrics.example.com",
        "münchen.fabrics.example.com",
        "oslo;evil.fabrics.example.com",
        "[::1].fabrics.example.com",
    ],
)
def test_host_that_programs_may_read_differently_is_not_covered(host: str) -> None:
    assert not is_covered(host, parse_host_patterns(PATTERNS))


def test_address_with_a_zone_is_not_covered() -> None:
    assert not is_covered("fe80::1%25eth0", parse_host_patterns("fe80::/10"))
    assert not is_covered("fe80::1%eth0", parse_host_patterns("fe80::/10"))


def test_ipv6_networks_cover_no_mapped_ipv4_address() -> None:
    assert not is_covered("::ffff:10.0.0.1", parse_host_patterns("::/0"))


def test_patterns_are_separated_by_commas() -> None:
    assert parse_host_patterns(" GIT.example.com. , ,xn--mnchen-3ya.example.com,") == (
        "git.example.com",
        "xn--mnchen-3ya.example.com",
    )
    assert parse_host_patterns("") == ()


def test_commas_alone_do_not_allow_any_host() -> None:
    with pytest.raises(ValueError, match="leave it empty to allow any host"):
        parse_host_patterns(" , ")


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example.com",
        "git.example.com:443",
        "git*.example.com",
        "*",
        "10.0.0.1/8",
        "10.0.0",
        "*.10.0.0.1",
        "[2001:db8::1]",
        "münchen.example.com",
        "git.example.com/fabrics",
        "git@git.example.com",
        "git.example.com another.example.com",
    ],
)
def test_pattern_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a host pattern"):
        parse_host_patterns(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("0.0.0.0", False),  # noqa: S104
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_hosts_are_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
