"""The shipped dump of NetBox's database is what NetBox's migrations make."""

import lzma

import pytest

from stack.services.netbox_database import dump_after_migrations, find_dump


@pytest.mark.soak
def test_shipped_dump_equals_what_migrations_make() -> None:
    dump = find_dump()
    assert dump is not None, "make it with `python -m stack.services.netbox_database`"
    shipped = lzma.decompress(dump.read_bytes()).decode()
    assert dump_after_migrations(print).decode().splitlines() == shipped.splitlines()
