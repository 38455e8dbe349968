"""The NetBox that answers at once."""

from pathlib import Path

import pytest

from bench.fleet.records import InstantNetBox, create_records, read_last_write
from fabrics.record.config_fields import parse_config


@pytest.fixture
def netbox(tmp_path: Path) -> InstantNetBox:
    """Return a client of two records."""
    create_records(tmp_path, ["fabric-0", "fabric-1"], interval=10)
    InstantNetBox.folder = tmp_path
    return InstantNetBox("http://unused", "", connect_timeout=1, timeout=1)


def test_records_are_enabled_fabrics(netbox: InstantNetBox) -> None:
    configs = [parse_config(row) for row in netbox.list_records()]
    assert {config.fabric_id for config in configs} == {"fabric-0", "fabric-1"}
    assert all(config.needs_loop and config.interval == 10 for config in configs)


def test_record_keeps_what_is_written(netbox: InstantNetBox) -> None:
    netbox.update_record(2, lambda _row: {"hh_commit": "c0ffee"})
    record = netbox.find_record("fabric-1")
    assert record is not None
    assert record["custom_fields"]["hh_commit"] == "c0ffee"


def test_time_of_the_last_write_is_known(netbox: InstantNetBox) -> None:
    assert read_last_write(netbox.folder) == 0
    netbox.add_journal_entry(1, "text")
    assert read_last_write(netbox.folder) > 0


def test_unknown_fabric_has_no_record(netbox: InstantNetBox) -> None:
    assert netbox.find_record("fabric-7") is None
