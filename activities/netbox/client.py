"""NetBox through its REST API: rows in, rows out, every failure one sentence.

A thin layer over pynetbox, whose requests page through lists and tell what went wrong; its record
objects are left aside, since they fetch more on attribute access. Two habits of NetBox shape it.
Clients that change different custom fields of one object at the same time lose changes although all
are answered 200: so a record is changed with `If-Match` only, and computed anew when somebody else
was faster. And a filter that NetBox does not know is ignored: so every row is checked.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from threading import Semaphore
from typing import Any, Final, Self

import requests
from pynetbox.core.query import Request, RequestError
from tenacity import (
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from activities.errors import PermanentError
from activities.netbox.http import (
    BadRequest,
    NotFound,
    PreconditionFailed,
    create_session,
    translate_errors,
)
from fabrics.loop.journal import is_already_reported
from fabrics.record.status_fields import DUPLICATE_ID_FIX
from settings import Settings

type Row = dict[str, Any]

CLUSTERS_PATH: Final = "virtualization/clusters"
CLUSTER_TYPES_PATH: Final = "virtualization/cluster-types"
CLUSTER_TYPE_SLUG: Final = "hedgehog-fabric"
RECORD_FIELDS: Final = "id,name,status,type,scope_type,scope_id,custom_fields"
JOURNAL_PATH: Final = "extras/journal-entries"
JOURNAL_LOOKBACK_ENTRIES: Final = 20
PAGE_SIZE: Final = 500


class NetBox:
    """One NetBox as one user. Threads may share it; `close` drops its connections."""

    def __init__(  # noqa: PLR0913  one argument a limit
        self,
        url: str,
        token: str,
        *,
        connect_timeout: float,
        timeout: float,
        max_concurrent: int = 4,
        shared_limit: Semaphore | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._session = create_session(
            token, connect_timeout, timeout, max_concurrent, shared_limit
        )

    @classmethod
    def from_settings(cls, settings: Settings, shared_limit: Semaphore | None = None) -> Self:
        """The NetBox that holds the records; `shared` limits the requests of all that were given it."""
        return cls(
            settings.netbox_url,
            settings.netbox_token.get_secret_value(),
            connect_timeout=settings.connect_timeout,
            timeout=settings.netbox_timeout,
            max_concurrent=cls._max_concurrent_requests(settings),
            shared_limit=shared_limit,
        )

    @classmethod
    def _max_concurrent_requests(cls, settings: Settings) -> int:
        """How many requests may be under way at the same time."""
        return settings.concurrent_netbox_calls

    def close(self) -> None:
        """Drop the connections."""
        self._session.close()

    # -- rows of any model ------------------------------------------------------------------------

    def get_status(self) -> Row:
        """What NetBox says of itself, `netbox-version` among it."""
        return next(self._get("status", {}, None))

    def list_rows(self, path: str, **filters: object) -> Iterator[Row]:
        """All objects at `path` ("extras/tags") that pass those filters which NetBox knows."""
        return self._get(path, filters, PAGE_SIZE)

    def create(self, path: str, row: Row) -> Row:
        """Create one object; the answer is the object."""
        with self._translate_errors(f"create {path}"):
            created: Row = self._build_request(path).post(row)
            return created

    def update(self, path: str, key: int, fields: Row) -> Row:
        """Change some fields of an object that nobody else writes."""
        with self._translate_errors(f"change {path}/{key}"):
            changed: Row = self._build_request(path, key).patch(fields)
            return changed

    def delete(self, path: str, key: int) -> None:
        """Delete one object."""
        with self._translate_errors(f"delete {path}/{key}"):
            self._build_request(path, key).delete()

    def allowed_methods(self, path: str) -> set[str]:
        """Which of POST (add) and PUT (change) this user may use at `path`."""
        with self._translate_errors(f"ask for permissions on {path}"):
            return set(self._build_request(path).options().get("actions", {}))

    def can_delete(self, path: str) -> bool:
        """Whether this user may delete something at `path`, which OPTIONS does not tell.

        A delete that names nothing is asked for: NetBox refuses it with 400 to those who may, else with 403.
        """
        try:
            with self._translate_errors(f"delete {path}"):
                self._build_request(path).delete()
        except BadRequest:
            return True
        except PermanentError:
            return False
        return True

    # -- records ----------------------------------------------------------------------------------

    def list_records(self, **filters: object) -> list[Row]:
        """All fabrics' records, with what `fabrics.record.status_fields` reads of them.

        Raises `PermanentError` where NetBox is not set up: nothing is known then, which is not the
        same as that there are no records.
        """
        try:
            rows = list(
                self.list_rows(
                    CLUSTERS_PATH, type=CLUSTER_TYPE_SLUG, fields=RECORD_FIELDS, **filters
                )
            )
        except BadRequest as error:  # filtering by a type that does not exist
            raise self._not_set_up_error(f"cluster type {CLUSTER_TYPE_SLUG}") from error
        if any("hh_fabric_id" not in row["custom_fields"] for row in rows):
            raise self._not_set_up_error("custom field hh_fabric_id on clusters")
        return [row for row in rows if row["type"]["slug"] == CLUSTER_TYPE_SLUG]

    def find_record(self, fabric_id: str) -> Row | None:
        """The record with this fabric id, or None. Raises `PermanentError` where two have it."""
        rows = self.list_records(cf_hh_fabric_id=fabric_id)
        found = [row for row in rows if row["custom_fields"]["hh_fabric_id"] == fabric_id]
        if len(found) > 1:
            names = " and ".join(f"{row['name']} (id {row['id']})" for row in found[:3])
            raise PermanentError(
                f"{names} in NetBox have the same fabric id {fabric_id}: {DUPLICATE_ID_FIX}."
            )
        return found[0] if found else None

    def check_all_records_visible(self) -> None:
        """Raise `PermanentError` where there are records that this token's user may not see.

        NetBox leaves them out without a word, so a lost permission looks like deleted records. The
        number that it shows beside the cluster type counts them all.
        """
        found = self.list_rows(CLUSTER_TYPES_PATH, slug=CLUSTER_TYPE_SLUG)
        types = [row for row in found if row["slug"] == CLUSTER_TYPE_SLUG]
        there = sum(row["cluster_count"] for row in types)
        seen = self._count(CLUSTERS_PATH, type=CLUSTER_TYPE_SLUG)
        if not types:
            raise PermanentError(
                f"NetBox at {self.url} shows this token's user no cluster type {CLUSTER_TYPE_SLUG}, so whether"
                " a fabric was deleted is not known: run `starter.py setup`, or correct the user's"
                " permissions."
            )
        if seen < there:
            raise PermanentError(
                f"NetBox at {self.url} shows this token's user only {seen} of {there} fabrics: run"
                " `starter.py setup`, or correct the user's permissions."
            )

    def get_record(self, record_id: int) -> tuple[Row, str]:
        """One record and its ETag, which a change must bring back. Raises `NotFound`."""
        with self._translate_errors(f"read cluster {record_id}"):
            return self._parse_with_etag(self._session.get(self._cluster_url(record_id)))

    def patch_record(self, record_id: int, custom_fields: Row, etag: str) -> Row:
        """Change some custom fields of a record that still is as `etag` says, else `PreconditionFailed`."""
        with self._translate_errors(f"change cluster {record_id}"):
            answer = self._session.patch(
                self._cluster_url(record_id),
                json={"custom_fields": custom_fields},
                headers={"If-Match": etag},
            )
            return self._parse_with_etag(answer)[0]

    @retry(
        retry=retry_if_exception_type(PreconditionFailed),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        stop=stop_after_attempt(8),
        reraise=True,
    )
    def update_record(self, record_id: int, changes: Callable[[Row], Row]) -> Row | None:
        """Change the custom fields that `make_changes` names, given the record as it is at that moment.

        Answers the record as it is afterwards, or None where it is gone. Nothing named, nothing
        written. Others' changes are never lost: `make_changes` is asked again about what they left.
        """
        try:
            record, etag = self.get_record(record_id)
        except NotFound:
            return None
        fields = changes(record)
        return self._patch_if_exists(record_id, fields, etag) if fields else record

    def _patch_if_exists(self, record_id: int, fields: Row, etag: str) -> Row | None:
        """The changed record. NetBox answers 404 also where the user may see it but not change it."""
        try:
            return self.patch_record(record_id, fields, etag)
        except NotFound:
            if not self._record_exists(record_id):
                return None
            raise PermanentError(
                f"NetBox at {self.url} lets this token's user see cluster {record_id} but not change"
                " it: run `starter.py setup`, or correct the user's permissions."
            ) from None

    def _record_exists(self, record_id: int) -> bool:
        try:
            self.get_record(record_id)
        except NotFound:
            return False
        return True

    def create_record(self, name: str, custom_fields: Row) -> Row:
        """A new record, active."""
        row = {"name": name, "type": {"slug": CLUSTER_TYPE_SLUG}, "status": "active"}
        return self.create(CLUSTERS_PATH, row | {"custom_fields": custom_fields})

    def add_journal_entry(self, record_id: int, text: str, kind: str = "info") -> None:
        """An entry in a record's journal, unless the latest say the same already."""
        filters = {
            "assigned_object_type": "virtualization.cluster",
            "assigned_object_id": record_id,
            "ordering": "-created",
        }
        rows = self._get(JOURNAL_PATH, filters, JOURNAL_LOOKBACK_ENTRIES, offset=0)
        latest = [row["comments"] for row in rows if row["assigned_object_id"] == record_id]
        if not is_already_reported(text, latest):
            entry = {"assigned_object_type": "virtualization.cluster", "kind": kind}
            self.create(JOURNAL_PATH, entry | {"assigned_object_id": record_id, "comments": text})

    # -- requests ---------------------------------------------------------------------------------

    def _get(
        self, path: str, filters: Row, limit: int | None, offset: int | None = None
    ) -> Iterator[Row]:
        with self._translate_errors(f"read {path}"):
            yield from self._build_request(path, filters=filters, limit=limit, offset=offset).get()

    def _count(self, path: str, **filters: object) -> int:
        """How many objects there are, for the price of one."""
        with self._translate_errors(f"read {path}"):
            count: int = self._build_request(path, filters=filters).get_count()
            return count

    def _build_request(self, path: str, key: int | None = None, **options: object) -> Request:
        return Request(
            base=f"{self.url}/api/{path}/",
            http_session=self._session,
            key=key,
            pagination="cursor",
            **options,
        )

    def _cluster_url(self, record_id: int) -> str:
        return f"{self.url}/api/{CLUSTERS_PATH}/{record_id}/"

    def _parse_with_etag(self, answer: requests.Response) -> tuple[Row, str]:
        if not answer.ok:
            raise RequestError(answer)
        etag = answer.headers.get("ETag")
        if not etag:
            raise PermanentError(
                f"NetBox at {self.url} gives no ETag, without which changes can be lost:"
                " NetBox 4.7 or later is needed, and no proxy may remove that header."
            )
        return answer.json(), etag

    def _not_set_up_error(self, missing: str) -> PermanentError:
        return PermanentError(f"NetBox at {self.url} has no {missing}: run `starter.py setup`.")

    def _translate_errors(self, action: str) -> AbstractContextManager[None]:
        return translate_errors(self.url, action)
