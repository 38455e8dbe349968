"""Modules and bays that people use stay: NetBox would delete both."""

from collections.abc import Iterator
from typing import cast

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.prune.dependents import find_dependents
from activities.netbox.client import Row
from fabrics.inventory.model.planned import Model


class ListedRows:
    """A NetBox that only lists rows, by path, and ignores all filters."""

    def __init__(self, rows: dict[str, list[Row]]) -> None:
        self._rows = rows
        self.paths: list[str] = []

    def list_rows(self, path: str, **_: object) -> Iterator[Row]:
        self.paths.append(path)
        return iter(self._rows.get(path, ()))


def test_module_with_components_of_people_stays() -> None:
    netbox = ListedRows(
        {
            PATHS[Model.MODULE]: [{"id": 5}, {"id": 6}],
            PATHS[Model.INTERFACE]: [
                {"name": "E1/5", "module": {"id": 5}},
                {"name": "E1/6", "module": {"id": 7}},
                {"name": "E1/7", "module": None},
            ],
        }
    )
    found = find_dependents(cast(InventoryNetBox, netbox), Model.MODULE, [5, 6])
    assert found == {5: "interface E1/5"}
    assert not {"dcim/inventory-items", "dcim/device-bays"} & set(netbox.paths)


def test_bay_with_a_module_stays() -> None:
    bays: list[Row] = [
        {"id": 1, "installed_module": {"id": 9}},
        {"id": 2, "installed_module": None},
    ]
    netbox = ListedRows({PATHS[Model.MODULE_BAY]: bays})
    found = find_dependents(cast(InventoryNetBox, netbox), Model.MODULE_BAY, [1, 2])
    assert found == {1: "module"}
