"""What people have put into a site of ours. NetBox deletes most of it with the site, and refuses for little of it.

NetBox shows some of it as numbers. The rest is asked for, as far as our user may see it: of the clusters
only fabrics, and no wireless LANs.
"""

from collections.abc import Iterator
from typing import Final

from activities.inventory.client import InventoryNetBox
from activities.inventory.models import LOCATIONS, PATHS
from activities.netbox.client import CLUSTERS, Row
from fabrics.inventory import Model

SCOPED: Final = {"cluster": CLUSTERS, "VLAN group": PATHS[Model.VLAN_GROUP]}
"""What may have a site as its scope, and is not among the numbers."""

COUNT: Final = "_count"


def inhabitants(netbox: InventoryNetBox, site: int) -> str:
    """What is in the site with this id, for people; empty where nothing is."""
    return ", ".join([*_counted(netbox, site), *_named(netbox, site)])


def _counted(netbox: InventoryNetBox, site: int) -> Iterator[str]:
    for row in netbox.rows(PATHS[Model.SITE], id=site):
        if row["id"] == site:
            counts = ((name, row[name]) for name in row if name.endswith(COUNT))
            yield from (f"{n} {name.removesuffix(COUNT)}" for name, n in counts if n)


def _named(netbox: InventoryNetBox, site: int) -> Iterator[str]:
    """NetBox ignores filters that it does not know, so that each row is looked at."""
    for row in netbox.rows(LOCATIONS, site_id=site):
        if row["site"]["id"] == site:
            yield f"location {row['name']}"
    for word, path in SCOPED.items():
        for row in netbox.rows(path, scope_type=str(Model.SITE), scope_id=site):
            if _is_scope_of(site, row):
                yield f"{word} {row['name']}"


def _is_scope_of(site: int, row: Row) -> bool:
    return bool(row["scope_type"] == Model.SITE and row["scope_id"] == site)
