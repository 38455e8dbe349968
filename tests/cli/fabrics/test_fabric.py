"""Which fabric an operator means."""

import pytest

from cli.errors import CommandError
from cli.fabrics.fabric import Fabric, select_fabric, select_fabrics


def fabric(number: int, name: str, fabric_id: str = "") -> Fabric:
    """A fabric as NetBox gives it."""
    row = {
        "id": number,
        "name": name,
        "status": {"value": "active"},
        "custom_fields": {"hh_fabric_id": fabric_id},
    }
    return Fabric.from_record(row)


FLEET = [
    fabric(1, "DC Berlin", "dc-berlin"),
    fabric(2, "DC Hamburg", "dc-hamburg"),
    fabric(3, "twin", "twin"),
    fabric(4, "twin", "twin-2"),
    fabric(5, "new"),
]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("DC Berlin", 1), ("dc-berlin", 1), ("@1", 1), ("twin-2", 4), ("@3", 3), ("new", 5)],
)
def test_by_name_id_or_number(wanted: str, number: int) -> None:
    assert select_fabric(FLEET, wanted).config.record_id == number


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("dc-hamberg", 'did you mean "dc-hamburg"'),
        ("DC BERLIN", 'did you mean "DC Berlin"'),
        ("zzz", "`starter.py status` lists all"),
        ("", "There is no fabric"),
        ("twin", "twin (@3), twin-2 (@4)"),
    ],
)
def test_refused(wanted: str, sentence: str) -> None:
    with pytest.raises(CommandError) as refused:
        select_fabric(FLEET, wanted)
    assert sentence in str(refused.value)


def test_an_empty_netbox_says_how_to_begin() -> None:
    with pytest.raises(CommandError, match=r"starter\.py add"):
        select_fabric([], "dc")


def test_each_once_in_the_order_given() -> None:
    chosen = select_fabrics(FLEET, ["new", "dc-berlin", "@1"])
    assert [each.config.record_id for each in chosen] == [5, 1]


def test_all_by_name_when_none_is_named() -> None:
    assert [each.config.record_id for each in select_fabrics(FLEET, [])] == [1, 2, 5, 3, 4]
