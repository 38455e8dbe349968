"""How many records `doctor` tries to write."""

from typing import cast

from activities.netbox.client import NetBox, Row
from activities.netbox.http import PreconditionFailed
from activities.setup.permissions import MAX_RECORDS_TRIED, record_checks


class ManyRecords:
    """A NetBox with many records, all of which may be changed."""

    url = "http://netbox.example"
    tried = 0

    def check_all_records_visible(self) -> None:
        """Hide none."""

    def list_records(self) -> list[Row]:
        return [{"id": number, "name": f"dc{number}"} for number in range(5 * MAX_RECORDS_TRIED)]

    def patch_record(self, *_arguments: object) -> Row:
        self.tried += 1
        raise PreconditionFailed("It has another ETag.")


def test_only_some_of_many_records_are_tried() -> None:
    netbox = ManyRecords()
    checks = list(record_checks(cast(NetBox, netbox)))
    assert [check.ok for check in checks] == [True, True]
    assert netbox.tried == MAX_RECORDS_TRIED
    assert f"(tried: {MAX_RECORDS_TRIED})" in checks[-1].sentence
