"""`accept`: what it needs to be told."""

import pytest

from cli.app import run


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "--reason TEXT"),
        (["--reason", "r", "--until", "soon"], "a date, such as 2027-03-31"),
        (["--reason", "r", "--until", "2020-01-01"], "2020-01-01 has passed"),
    ],
)
def test_rule_needs_a_reason_and_a_date_to_come(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["accept", "dc1", "server-1", *options]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
