"""A client of NetBox's REST API that takes and returns rows.

It is a thin layer over pynetbox's requests, which page through lists and parse errors, but not over its record
objects, which send requests on attribute access. Concurrent changes of different custom fields of one object get
lost in NetBox, although all responses are 200: so records are changed only with `If-Match`, and recomputed after
a conflict. NetBox ignores unknown filters: so every row is checked.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from threading import Semaphore
from typing import Any, Final, Self

import requests
from pydantic import SecretStr
from pynetbox.core.query import Request, RequestError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from activities.errors import PermanentError
from activities.netbox.answer_times import time_answers
from activities.netbox.http import (
    BadRequest,
    NotFound,
    PreconditionFailed,
    create_session,
    translate_errors,
)
from activities.secrets.sources import netbox_token
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
PERMISSIONS_FIX: Final = "run `starter.py setup`, or correct the user's permissions."


class NetBox:
    """One NetBox as one user. Threads may share it; `close` drops its connections."""

    def __init__(  # noqa: PLR0913  one argument per limit
        self,
        url: str,
        token: str,
        *,
        token_file: Path | None = None,
        connect_timeout: float,
        timeout: float,
        max_concurrent: int = 4,
        shared_limit: Semaphore | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        secret = netbox_token(SecretStr(token), token_file)
        timeouts = (connect_timeout, timeout)
        self._session = create_session(self.url, secret, timeouts, max_concurrent, shared_limit)

    @classmethod
    def from_settings(cls, settings: Settings, shared_limit: Semaphore | None = None) -> Self:
        """Return a client; all clients with the same `shared_limit` share its slots."""
        return cls(
            settings.netbox_url,
            settings.netbox_token.get_secret_value(),
            token_file=settings.netbox_token_file,
            connect_timeout=settings.connect_timeout,
            timeout=settings.netbox_timeout,
            max_concurrent=cls._max_concurrent_requests(settings),
            shared_limit=shared_limit,
        )

    @classmethod
    def _max_concurrent_requests(cls, settings: Settings) -> int:
        return settings.concurrent_netbox_calls

    def close(self) -> None:
        """Drop the connections."""
        self._session.close()

    def time_answers(self) -> list[timedelta]:
        """Return a list that gets the time of each further small answer."""
        return time_answers(self._session)

    # -- rows of any model ------------------------------------------------------------------------

    def get_status(self) -> Row:
        """Return NetBox's status, with `netbox-version` among its keys."""
        return next(self._get("status", {}, None))

    def list_rows(self, path: str, **filters: object) -> Iterator[Row]:
        """List the objects at `path` ("extras/tags"); NetBox ignores unknown filters."""
        return self._get(path, filters, PAGE_SIZE)

    def create(self, path: str, row: Row) -> Row:
        """Create one object and return it."""
        with self._translate_errors(f"create {path}"):
            created: Row = self._build_request(path).post(row)
            return created

    def update(self, path: str, key: int, fields: Row) -> Row:
        """Change some fields of an object that nobody else writes, and return it."""
        with self._translate_errors(f"change {path}/{key}"):
            changed: Row = self._build_request(path, key).patch(fields)
            return changed

    def delete(self, path: str, key: int) -> None:
        """Delete one object."""
        with self._translate_errors(f"delete {path}/{key}"):
            self._build_request(path, key).delete()

    def allowed_methods(self, path: str) -> set[str]:
        """Return which of POST (add) and PUT (change) this user may use at `path`."""
        with self._translate_errors(f"ask for permissions on {path}"):
            return set(self._build_request(path).options().get("actions", {}))

    def can_view(self, path: str) -> bool:
        """Return whether this user may view objects at `path`, by reading at most one."""
        try:
            next(self._get(path, {"fields": "id"}, 1), None)
        except PermanentError:
            return False
        return True

    def can_delete(self, path: str) -> bool:
        """Return whether this user may delete at `path`, which OPTIONS does not tell.

        A DELETE of nothing is refused with 400 if the user may delete, else with 403.
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
        """List the records with the fields that `fabrics.record.status_fields` reads.

        Raises `PermanentError` if NetBox is not set up, which does not mean that there are no records.
        """
        filters |= {"type": CLUSTER_TYPE_SLUG, "fields": RECORD_FIELDS}
        try:
            rows = list(self.list_rows(CLUSTERS_PATH, **filters))
        except BadRequest as error:  # the cluster type of the filter does not exist
            raise self._not_set_up_error(f"cluster type {CLUSTER_TYPE_SLUG}") from error
        if any("hh_fabric_id" not in row["custom_fields"] for row in rows):
            raise self._not_set_up_error("custom field hh_fabric_id on clusters")
        return [row for row in rows if row["type"]["slug"] == CLUSTER_TYPE_SLUG]

    def find_record(self, fabric_id: str) -> Row | None:
        """Return the record, or None. Raises `PermanentError` if two have the id."""
        rows = self.list_records(cf_hh_fabric_id=fabric_id)
        records = [row for row in rows if row["custom_fields"]["hh_fabric_id"] == fabric_id]
        if len(records) > 1:
            names = " and ".join(f"{row['name']} (id {row['id']})" for row in records[:3])
            what = f"{names} in NetBox have the same fabric id {fabric_id}"
            raise PermanentError(f"{what}: {DUPLICATE_ID_FIX}.")
        return records[0] if records else None

    def check_all_records_visible(self) -> None:
        """Raise `PermanentError` if permissions hide records from this user.

        NetBox omits hidden records silently, so a lost permission looks like deleted records. But the count at
        the cluster type includes them.
        """
        rows = self.list_rows(CLUSTER_TYPES_PATH, slug=CLUSTER_TYPE_SLUG)
        types = [row for row in rows if row["slug"] == CLUSTER_TYPE_SLUG]
        existing = sum(row["cluster_count"] for row in types)
        visible = self._count(CLUSTERS_PATH, type=CLUSTER_TYPE_SLUG)
        if not types:
            raise PermanentError(
                f"NetBox at {self.url} hides the cluster type {CLUSTER_TYPE_SLUG} from this token's user, so deleted"
                f" fabrics cannot be told from hidden ones: {PERMISSIONS_FIX}"
            )
        if visible < existing:
            raise PermanentError(
                f"NetBox at {self.url} shows this token's user only {visible} of {existing} fabrics:"
                f" {PERMISSIONS_FIX}"
            )

    def get_record(self, record_id: int) -> tuple[Row, str]:
        """Return a record and its ETag, which a change must send back. Raises `NotFound`."""
        with self._translate_errors(f"read cluster {record_id}"):
            return self._parse_with_etag(self._session.get(self._cluster_url(record_id)))

    def patch_record(self, record_id: int, custom_fields: Row, etag: str) -> Row:
        """Change custom fields. Raises `PreconditionFailed` and `NotFound`."""
        url, body = self._cluster_url(record_id), {"custom_fields": custom_fields}
        with self._translate_errors(f"change cluster {record_id}"):
            response = self._session.patch(url, json=body, headers={"If-Match": etag})
            return self._parse_with_etag(response)[0]

    @retry(
        retry=retry_if_exception_type(PreconditionFailed),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        stop=stop_after_attempt(8),
        reraise=True,
    )
    def update_record(self, record_id: int, make_changes: Callable[[Row], Row]) -> Row | None:
        """Write the custom fields that `make_changes` returns for the current record.

        Returns the resulting record, or None if it does not exist. Changes of others are never lost: if somebody
        else is faster, `make_changes` is called again with the new record.
        """
        try:
            record, etag = self.get_record(record_id)
        except NotFound:
            return None
        fields = make_changes(record)
        return self._patch_if_exists(record_id, fields, etag) if fields else record

    def _patch_if_exists(self, record_id: int, fields: Row, etag: str) -> Row | None:
        """Change a record; 404 also means that the user may see it, but not change it."""
        try:
            return self.patch_record(record_id, fields, etag)
        except NotFound:
            if not self._record_exists(record_id):
                return None
            raise PermanentError(
                f"NetBox at {self.url} lets this token's user see cluster {record_id} but not change it:"
                f" {PERMISSIONS_FIX}"
            ) from None

    def _record_exists(self, record_id: int) -> bool:
        try:
            self.get_record(record_id)
        except NotFound:
            return False
        return True

    def create_record(self, name: str, custom_fields: Row) -> Row:
        """Create an active record."""
        row = {"name": name, "type": {"slug": CLUSTER_TYPE_SLUG}, "status": "active"}
        return self.create(CLUSTERS_PATH, row | {"custom_fields": custom_fields})

    def add_journal_entry(self, record_id: int, text: str, kind: str = "info") -> None:
        """Add an entry to a record's journal, unless one of the latest says the same."""
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
        """Count objects by fetching one."""
        with self._translate_errors(f"read {path}"):
            return int(self._build_request(path, filters=filters).get_count())

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

    def _parse_with_etag(self, response: requests.Response) -> tuple[Row, str]:
        if not response.ok:
            raise RequestError(response)
        etag = response.headers.get("ETag")
        if not etag:
            raise PermanentError(
                f"NetBox at {self.url} sends no ETag, without which changes can be lost:"
                " NetBox 4.7 or later is required, and no proxy may remove that header."
            )
        return response.json(), etag

    def _not_set_up_error(self, missing: str) -> PermanentError:
        return PermanentError(f"NetBox at {self.url} has no {missing}: run `starter.py setup`.")

    def _translate_errors(self, action: str) -> AbstractContextManager[None]:
        return translate_errors(self.url, action)
