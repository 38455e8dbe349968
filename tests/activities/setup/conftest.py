"""Fixtures: objects of others in the NetBox that is set up."""

from collections.abc import Iterator

import pytest

from activities.netbox.client import CLUSTERS_PATH, NetBox, Row


@pytest.fixture(scope="module")
def foreign_cluster(admin: NetBox) -> Iterator[Row]:
    """A cluster of another type, which is no fabric."""
    type_ = admin.create(
        "virtualization/cluster-types", {"name": "Trial others", "slug": "trial-others"}
    )
    cluster = admin.create(CLUSTERS_PATH, {"name": "Trial foreign", "type": type_["id"]})
    yield cluster
    admin.delete(CLUSTERS_PATH, cluster["id"])
    admin.delete("virtualization/cluster-types", type_["id"])
