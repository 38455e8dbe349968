"""Changes of records on the operator's behalf."""

from typing import override
from unittest.mock import AsyncMock, Mock

import pytest

from activities.netbox.client import NetBox, Row
from cli.errors import CommandError
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.session import Session
from cli.temporal.loop_client import LoopClient
from settings import Settings

HERE, FORMER, THIRD = "fabrics@here", "fabrics@former", "fabrics@third"


class SharedNetBox(NetBox):
    """A NetBox with one record, which others may have changed since it was read."""

    def __init__(self, owner: str | None) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self.record = make_record(owner)
        self.written: Row = {}

    @override
    def get_record(self, record_id: int) -> tuple[Row, str]:
        return self.record, "etag"

    @override
    def patch_record(self, record_id: int, custom_fields: Row, etag: str) -> Row:
        self.written = custom_fields
        self.record["custom_fields"] |= custom_fields
        return self.record


def make_record(owner: str | None) -> Row:
    """Return the record of a fabric that needs a loop."""
    fields = {
        "hh_fabric_id": "dc",
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_instance": owner,
    }
    return {"id": 1, "name": "DC", "status": "active", "custom_fields": fields}


async def take_over(netbox: NetBox, seen_owner: str | None) -> tuple[Fabric, AsyncMock]:
    """Take over the fabric that had `seen_owner`; return it and what starts loops."""
    loops = Mock(spec=LoopClient, start_or_reload=AsyncMock())
    session = Session(Settings(), netbox, loops, HERE)
    fabric = await records.take_over(session, Fabric.from_record(make_record(seen_owner)))
    return fabric, loops.start_or_reload


@pytest.mark.parametrize("owner", [FORMER, "renamed@former"])
async def test_fabric_of_the_former_owner_is_claimed_and_its_loop_started(owner: str) -> None:
    netbox = SharedNetBox(owner)
    fabric, start = await take_over(netbox, FORMER)
    assert netbox.written == {"hh_instance": HERE}
    start.assert_awaited_once_with(fabric.config)


@pytest.mark.parametrize("owner", [THIRD, None])
async def test_fabric_that_changed_hands_meanwhile_is_not_taken_over(owner: str | None) -> None:
    netbox = SharedNetBox(owner)
    with pytest.raises(CommandError, match=f"^DC belongs to {owner or 'no installation'} by now"):
        await take_over(netbox, FORMER)
    assert netbox.record == make_record(owner)


async def test_fabric_that_is_ours_by_now_is_not_written_again() -> None:
    netbox = SharedNetBox(HERE)
    _, start = await take_over(netbox, FORMER)
    assert netbox.written == {}
    start.assert_awaited_once()
