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
from activities.inventory.netbox.client import GraphQLError, InventoryNetBox
from activities.inventory.netbox.endpoints import CABLE_TERMINATIONS, PATHS
from activities.inventory.netbox.serializers import (
    build_selection_set,
    is_owned_by,
    parse_graphql_row,
)
from activities.netbox.client import Row
from fabrics.inventory.model.existing import ExistingInventory, ExistingObject, ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.plan.plan import Plan

PAGE_SIZE: Final = 1000
LISTS_PER_REQUEST: Final = 8
"""NetBox's limits are 10 lists a request and 1,000 rows a list, unless its MAX_PAGE_SIZE is less."""


class _ListQuery(NamedTuple):
    """A list of a model from an id on: the fabric's own objects, or shared ones by their slugs."""

    model: Model
    slugs: tuple[str, ...] = ()
    start: int = 0


class Reader:
    """Reads one fabric's inventory."""

    def __init__(self, netbox: InventoryNetBox, fabric_id: str) -> None:
        self._netbox = netbox
        self._fabric_id = fabric_id
        self._ids_at_read: frozenset[ObjectId] = frozenset()

    def read(self, plan: Plan) -> ExistingInventory:
        """All that the fabric owns, and what the plan refers to besides."""
        shared = _collect_shared_slugs(plan)
        lists = [_ListQuery(model) for model in OWNED_MODELS] + [
            _ListQuery(model, tuple(sorted(slugs))) for model, slugs in shared.items()
        ]
        rows: list[ExistingObject] = []
        ids: dict[Ref, ObjectId] = {}
        for each, row in self._fetch_readable_rows(lists):
            if each.slugs:
                ids[Ref(each.model, row["slug"])] = ObjectId(each.model, int(row["id"]))
            elif is_owned_by(row, self._fabric_id):
                rows.append(parse_graphql_row(each.model, row))
        self._check_empty_lists(_expected_models(plan), rows, ids)
        self._ids_at_read = frozenset(row.id for row in rows)
        return ExistingInventory(rows, ids)

    def find_created(self, model: Model) -> dict[str, ObjectId]:
        """The ids of the fabric's own objects of a model that were not there when it was read, by `hh_key`.

        What was there may have such a key too: a subinterface that is on another switch from now on.
        """
        found = (
            parse_graphql_row(model, row)
            for _, row in self._fetch_rows([_ListQuery(model)])
            if is_owned_by(row, self._fabric_id)
        )
        return {each.key: each.id for each in found if each.id not in self._ids_at_read}

    def find_shared(self, model: Model, slugs: Collection[str]) -> dict[str, ObjectId]:
        """The ids of objects that all fabrics share, by slug."""
        found = self._fetch_rows([_ListQuery(model, tuple(sorted(slugs)))])
        return {row["slug"]: ObjectId(model, int(row["id"])) for _, row in found}

    def _fetch_rows(self, lists: list[_ListQuery]) -> Iterator[tuple[_ListQuery, Row]]:
        """The rows of all lists, page by page.

        NetBox gives as many rows as its MAX_PAGE_SIZE says, which nobody tells: a page is the last one
        of its list if another had more rows, or if it is empty.
        """
        most = 1
        while lists:
            pages = [
                page
                for some in batched(lists, LISTS_PER_REQUEST)
                for page in self._fetch_page(some)
            ]
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
    def _fetch_page(self, lists: Iterable[_ListQuery]) -> list[tuple[_ListQuery, list[Row]]]:
        aliases = {f"list{place}": each for place, each in enumerate(lists)}
        asked = (f"{alias}: {self._build_query(each)}" for alias, each in aliases.items())
        answer = self._netbox.graphql(f"{{ {' '.join(asked)} }}")
        return [(each, answer[alias]) for alias, each in aliases.items()]

    def _build_query(self, list_query: _ListQuery) -> str:
        name = f"{list_query.model.name.lower()}_list"
        pagination = f"pagination: {{ start: {list_query.start}, limit: {PAGE_SIZE} }}"
        if list_query.slugs:
            slugs = json.dumps(list_query.slugs)
            return (
                f"{name}(filters: {{ slug: {{ in_list: {slugs} }} }}, {pagination}) {{ id slug }}"
            )
        is_fabric = f"{{ string_lookup: {{ exact: {json.dumps(self._fabric_id)} }} }}"
        filters = (
            f'custom_field_data: {{ path: "{FABRIC_FIELD}", lookup: {is_fabric} }},'
            f' tags: {{ slug: {{ exact: "{TAG_SLUG}" }} }}'
        )
        return f"{name}(filters: {{ {filters} }}, {pagination}) {{ {build_selection_set(list_query.model)} }}"

    def _fetch_readable_rows(self, lists: list[_ListQuery]) -> Iterator[tuple[_ListQuery, Row]]:
        """The rows of all lists. Raises `PermanentError` where no data come since some may not be seen."""
        try:
            yield from self._fetch_rows(lists)
        except GraphQLError:
            for path in PATHS.values():
                self._netbox.check_may_read(path)
            raise

    def _check_empty_lists(
        self,
        expected: Collection[Model],
        rows: Collection[ExistingObject],
        shared: dict[Ref, ObjectId],
    ) -> None:
        """Raise `PermanentError` where the user may not see what seems to be empty."""
        seen = {each.id.model for each in rows} | {ref.model for ref in shared}
        for model in sorted(set(expected) - seen):
            self._netbox.check_may_read(PATHS[model])
        cables = [each for each in rows if each.id.model is Model.CABLE]
        if Model.CABLE in expected and not any(each.values["a_terminations"] for each in cables):
            self._netbox.check_may_read(CABLE_TERMINATIONS)


def _expected_models(plan: Plan) -> Collection[Model]:
    """The models of which an empty list would lead to something: new objects, or the word that all is gone."""
    return {each.MODEL for each in plan.objects} or OWNED_MODELS


def _collect_shared_slugs(plan: Plan) -> dict[Model, set[str]]:
    """The slugs of what the fabric does not own."""
    found: dict[Model, set[str]] = {}
    for each in plan.objects:
        if each.SHARED:
            found.setdefault(each.MODEL, set()).add(each.key)
    if plan.fabric.shared_site:
        found.setdefault(Model.SITE, set()).add(plan.fabric.shared_site)
    return found
