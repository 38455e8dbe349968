"""What NetBox holds of a fabric's inventory, in a handful of requests.

Lists of several models go into one GraphQL request. GraphQL shows an empty list to users who may not
read a model, so that a list that should have something and comes back empty is asked for once more, in
the way that refuses.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from itertools import batched
from typing import Final, NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from activities.errors import TransientError
from activities.inventory.netbox.client import InventoryNetBox, NoDataError
from activities.inventory.netbox.endpoints import CABLE_ENDS, PATHS
from activities.inventory.netbox.serializers import FABRIC, is_ours, selection, stored
from activities.netbox.client import Row
from activities.setup.views import TAG
from fabrics.inventory.model.existing import Id, Stored, StoredInventory
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.model.registry import OWNED
from fabrics.inventory.plan.plan import Plan

PAGE: Final = 1000
LISTS: Final = 8
"""NetBox's limits are 10 lists a request and 1,000 rows a list, unless its MAX_PAGE_SIZE is less."""


class _List(NamedTuple):
    """A list of a model from an id on: the fabric's own objects, or shared ones by their slugs."""

    model: Model
    slugs: tuple[str, ...] = ()
    start: int = 0


class Reader:
    """Reads one fabric's inventory."""

    def __init__(self, netbox: InventoryNetBox, fabric_id: str) -> None:
        self._netbox = netbox
        self._fabric_id = fabric_id
        self._known: frozenset[Id] = frozenset()

    def read(self, plan: Plan) -> StoredInventory:
        """All that the fabric owns, and what the plan refers to besides."""
        shared = _shared_slugs(plan)
        lists = [_List(model) for model in OWNED] + [
            _List(model, tuple(sorted(slugs))) for model, slugs in shared.items()
        ]
        rows: list[Stored] = []
        ids: dict[Ref, Id] = {}
        for each, row in self._readable(lists):
            if each.slugs:
                ids[Ref(each.model, row["slug"])] = Id(each.model, int(row["id"]))
            elif is_ours(row, self._fabric_id):
                rows.append(stored(each.model, row))
        self._check_empty(_expected(plan), rows, ids)
        self._known = frozenset(row.id for row in rows)
        return StoredInventory(rows, ids)

    def made(self, model: Model) -> dict[str, Id]:
        """The ids of the fabric's own objects of a model that were not there when it was read, by `hh_key`.

        What was there may have such a key too: a subinterface that is on another switch from now on.
        """
        found = (
            stored(model, row)
            for _, row in self._rows([_List(model)])
            if is_ours(row, self._fabric_id)
        )
        return {each.key: each.id for each in found if each.id not in self._known}

    def shared(self, model: Model, slugs: Collection[str]) -> dict[str, Id]:
        """The ids of objects that all fabrics share, by slug."""
        found = self._rows([_List(model, tuple(sorted(slugs)))])
        return {row["slug"]: Id(model, int(row["id"])) for _, row in found}

    def _rows(self, lists: list[_List]) -> Iterator[tuple[_List, Row]]:
        """The rows of all lists, page by page.

        NetBox gives as many rows as its MAX_PAGE_SIZE says, which nobody tells: a page is the last one
        of its list if another had more rows, or if it is empty.
        """
        most = 1
        while lists:
            pages = [page for some in batched(lists, LISTS) for page in self._request(some)]
            yield from ((each, row) for each, rows in pages for row in rows)
            most = max(most, *(len(rows) for _, rows in pages))
            lists = [
                each._replace(start=int(rows[-1]["id"]) + 1)
                for each, rows in pages
                if len(rows) == most
            ]

    @retry(
        retry=retry_if_exception_type(TransientError),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_after_attempt(3),
        reraise=True,
    )
    def _request(self, lists: Iterable[_List]) -> list[tuple[_List, list[Row]]]:
        aliases = {f"list{place}": each for place, each in enumerate(lists)}
        asked = (f"{alias}: {self._query(each)}" for alias, each in aliases.items())
        answer = self._netbox.graphql(f"{{ {' '.join(asked)} }}")
        return [(each, answer[alias]) for alias, each in aliases.items()]

    def _query(self, asked: _List) -> str:
        name = f"{asked.model.name.lower()}_list"
        pagination = f"pagination: {{ start: {asked.start}, limit: {PAGE} }}"
        if asked.slugs:
            slugs = json.dumps(asked.slugs)
            return (
                f"{name}(filters: {{ slug: {{ in_list: {slugs} }} }}, {pagination}) {{ id slug }}"
            )
        is_fabric = f"{{ string_lookup: {{ exact: {json.dumps(self._fabric_id)} }} }}"
        filters = (
            f'custom_field_data: {{ path: "{FABRIC}", lookup: {is_fabric} }},'
            f' tags: {{ slug: {{ exact: "{TAG}" }} }}'
        )
        return f"{name}(filters: {{ {filters} }}, {pagination}) {{ {selection(asked.model)} }}"

    def _readable(self, lists: list[_List]) -> Iterator[tuple[_List, Row]]:
        """The rows of all lists. Raises `PermanentError` where no data come since some may not be seen."""
        try:
            yield from self._rows(lists)
        except NoDataError:
            for path in PATHS.values():
                self._netbox.check_may_read(path)
            raise

    def _check_empty(
        self, expected: Collection[Model], rows: Collection[Stored], shared: dict[Ref, Id]
    ) -> None:
        """Raise `PermanentError` where the user may not see what seems to be empty."""
        seen = {each.id.model for each in rows} | {ref.model for ref in shared}
        for model in sorted(set(expected) - seen):
            self._netbox.check_may_read(PATHS[model])
        cables = [each for each in rows if each.id.model is Model.CABLE]
        if Model.CABLE in expected and not any(each.values["a_terminations"] for each in cables):
            self._netbox.check_may_read(CABLE_ENDS)


def _expected(plan: Plan) -> Collection[Model]:
    """The models of which an empty list would lead to something: new objects, or the word that all is gone."""
    return {each.MODEL for each in plan.objects} or OWNED


def _shared_slugs(plan: Plan) -> dict[Model, set[str]]:
    """The slugs of what the fabric does not own."""
    found: dict[Model, set[str]] = {}
    for each in plan.objects:
        if each.SHARED:
            found.setdefault(each.MODEL, set()).add(each.key)
    if plan.fabric.site:
        found.setdefault(Model.SITE, set()).add(plan.fabric.site)
    return found
