"""The name of an installation, and whose fabric a record is by it."""

import shlex

import pytest

from fabrics.record.installation import describe_other_owners, format_instance
from fabrics.record.status_fields import find_other_owner

NAMESPACE_ID = "5c6f7a3e-1d0b-4a52-9a3f-0d1c2b3a4f5e"
HERE = format_instance("fabrics", NAMESPACE_ID)
ELSEWHERE = format_instance("fabrics", "77e2c9d0-8a41-4b6c-b2f5-6e7d8c9b0a1f")


@pytest.mark.parametrize(
    ("owner", "other"),
    [
        (None, ""),
        (HERE, ""),
        (f"fabrics.a1b2c@{NAMESPACE_ID}", ""),
        (ELSEWHERE, ELSEWHERE),
        ("fabrics", "fabrics"),
        ("fabrics@", "fabrics@"),
    ],
)
def test_record_is_of_another_installation_only_by_the_id_of_the_namespace(
    owner: str | None, other: str
) -> None:
    assert find_other_owner({"custom_fields": {"hh_instance": owner}}, HERE) == other


def test_owners_are_named_with_their_fabrics_and_the_command_those_with_most_first() -> None:
    sentences = describe_other_owners(["", "a@1", *["b@2"] * 1000, ""])
    assert sentences == [
        "1,000 fabrics belong to another installation, b@2. If that no longer syncs them,"
        " `starter.py take-over --from b@2` moves them here.",
        "1 fabric belongs to another installation, a@1. If that no longer syncs it,"
        " `starter.py take-over --from a@1` moves it here.",
    ]
    assert describe_other_owners([""]) == []


def test_command_is_safe_to_copy_whatever_the_record_holds() -> None:
    owner = "x; rm -rf ~ $(id)@1"
    [sentence] = describe_other_owners([owner])
    command = sentence.split("`")[1]
    assert shlex.split(command) == ["starter.py", "take-over", "--from", owner]
