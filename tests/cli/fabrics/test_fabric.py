"""Selection of fabrics by name, id or number."""

import pytest

from cli.errors import CommandError
from cli.fabrics.fabric import Fabric, select_fabric, select_fabrics


def fabric(number: int, name: str, fabric_id: str = "") -> Fabric:
    """Make a fabric from a record."""
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
    ("fabric_ref", "number"),
    [("DC Berlin", 1), ("dc-berlin", 1), ("@1", 1), ("twin-2", 4), ("@3", 3), ("new", 5)],
)
def test_fabric_is_selected_by_name_id_or_number(fabric_ref: str, number: int) -> None:
    assert select_fabric(FLEET, fabric_ref).config.record_id == number


@pytest.mark.parametrize("name", ["DC\u00a0Berlin", "क्\u200cष", "a\tb"])
def test_fabric_is_selected_by_its_name_as_netbox_has_it(name: str) -> None:
    assert select_fabric([fabric(1, name)], name).config.record_id == 1


@pytest.mark.parametrize(
    ("fabric_ref", "sentence"),
    [
        ("dc-hamberg", 'did you mean "dc-hamburg"'),
        ("DC BERLIN", 'did you mean "DC Berlin"'),
        ("zzz", "`starter.py status` lists all"),
        ("", "There is no fabric"),
        ("twin", "twin (@3), twin-2 (@4)"),
    ],
)
def test_unknown_or_ambiguous_fabric_is_refused(fabric_ref: str, sentence: str) -> None:
    with pytest.raises(CommandError) as refused:
        select_fabric(FLEET, fabric_ref)
    assert sentence in str(refused.value)


def test_error_without_fabrics_names_the_add_command() -> None:
    with pytest.raises(CommandError, match=r"starter\.py add"):
        select_fabric([], "dc")


def test_fabrics_are_selected_once_in_the_given_order() -> None:
    selected = select_fabrics(FLEET, ["new", "dc-berlin", "@1"])
    assert [fabric.config.record_id for fabric in selected] == [5, 1]


def test_all_fabrics_are_selected_by_default_sorted_by_name() -> None:
    selected = select_fabrics(FLEET, [])
    assert [fabric.config.record_id for fabric in selected] == [1, 2, 5, 3, 4]
