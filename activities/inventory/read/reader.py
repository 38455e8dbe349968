"""Read a fabric's inventory from NetBox in a handful of requests.

One GraphQL request reads the lists of several models. GraphQL shows an empty list to users who may not
view a model, so a list that is unexpectedly empty is requested again over REST, which refuses it.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import batched
from typing import Final, NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from activities.errors import TransientError
from activities.inventory.netbox.client import GraphQLError, InventoryNetBox
from activities.inventory.netbox.endpoints import CABLE_TERMINATIONS, PATHS
from activities.inventory.netbox.serializers import (
    build_selection_set,
    build_shared_list,
    is_owned_by,
    parse_row,
    parse_shared_key,
)
from activities.netbox.client import Row
from fabrics.inventory.model.existing import ExistingInventory, ExistingObject, ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.plan.plan import Plan

PAGE_SIZE: Final = 1000
LISTS_PER_REQUEST: Final = 8
"""NetBox's limits are 10 lists per request and 1,000 rows per list, or its MAX_PAGE_SIZE if less."""


class _ListQuery(NamedTuple):
    """Part of a model's list, from an id on: own objects, or shared ones by key."""

    model: Model
    keys: tuple[str, ...] = ()
    start: int = 0


class Reader:
    """Reads one fabric's inventory."""

    def __init__(self, netbox: InventoryNetBox, fabric_id: str) -> None:
        self._netbox = netbox
        self._fabric_id = fabric_id
        self._ids_at_read: frozenset[ObjectId] = frozenset()

    def read(self, plan: Plan) -> ExistingInventory:
        """Return the fabric's objects, and ids of shared ones that the plan refers to.

        Raises `PermanentError` if the user may not view some of them.
        """
        queries = [*map(_ListQuery, OWNED_MODELS), *_build_shared_queries(plan)]
        objects: list[ExistingObject] = []
        shared_ids: dict[Ref, ObjectId] = {}
        try:
            for query, row in self._fetch_rows(queries):
                model = query.model
                if query.keys:
                    shared_ref = Ref(model, parse_shared_key(model, row))
                    shared_ids[shared_ref] = ObjectId(model, int(row["id"]))
                elif is_owned_by(row, self._fabric_id):
                    objects.append(parse_row(model, row))
        except GraphQLError:  # perhaps since the user may not view something
            for path in PATHS.values():
                self._netbox.check_may_read(path)
            raise
        self._check_empty_lists(plan, objects, shared_ids)
        self._ids_at_read = frozenset(row.id for row in objects)
        return ExistingInventory(objects, shared_ids)

    def find_created(self, model: Model) -> dict[str, ObjectId]:
        """Return the ids of the fabric's objects that are new since `read`, by `hh_key`.

        An older object may have such a key too: a subinterface that moves to another switch.
        """
        rows = (row for _, row in self._fetch_rows([_ListQuery(model)]))
        own = (parse_row(model, row) for row in rows if is_owned_by(row, self._fabric_id))
        return {row.key: row.id for row in own if row.id not in self._ids_at_read}

    def find_shared(self, model: Model, keys: Collection[str]) -> dict[str, ObjectId]:
        """Return the ids of objects that all fabrics share, by key: these, maybe more."""
        rows = self._fetch_rows([_ListQuery(model, tuple(sorted(keys)))])
        return {parse_shared_key(model, row): ObjectId(model, int(row["id"])) for _, row in rows}

    def _fetch_rows(self, queries: list[_ListQuery]) -> Iterator[tuple[_ListQuery, Row]]:
        """Yield the rows of all lists, page by page.

        The size of a full page is NetBox's MAX_PAGE_SIZE, which clients cannot see: a page is the last
        of its list if it is empty, or if another page had more rows.
        """
        largest = 1
        while queries:
            batches = batched(queries, LISTS_PER_REQUEST)
            pages = [page for batch in batches for page in self._fetch_pages(batch)]
            yield from ((query, row) for query, rows in pages for row in rows)
            largest = max(largest, *(len(rows) for _, rows in pages))
            queries = [
                query._replace(start=int(rows[-1]["id"]) + 1)
                for query, rows in pages
                if len(rows) == largest
            ]

    @retry(
        retry=retry_if_exception_type(TransientError),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_after_attempt(3),
        reraise=True,
    )
    def _fetch_pages(self, queries: Iterable[_ListQuery]) -> list[tuple[_ListQuery, list[Row]]]:
        aliases = {f"list{number}": query for number, query in enumerate(queries)}
        lists = (f"{alias}: {self._build_query(query)}" for alias, query in aliases.items())
        data = self._netbox.graphql(f"{{ {' '.join(lists)} }}")
        return [(query, data[alias]) for alias, query in aliases.items()]

    def _build_query(self, query: _ListQuery) -> str:
        name = f"{query.model.name.lower()}_list"
        pagination = f"pagination: {{ start: {query.start}, limit: {PAGE_SIZE} }}"
        if query.keys:
            filters, selection_set = build_shared_list(query.model, query.keys)
            return f"{name}(filters: {filters}, {pagination}) {{ {selection_set} }}"
        is_fabric = f"{{ string_lookup: {{ exact: {json.dumps(self._fabric_id)} }} }}"
        filters = (
            f'custom_field_data: {{ path: "{FABRIC_FIELD}", lookup: {is_fabric} }},'
            f' tags: {{ slug: {{ exact: "{TAG_SLUG}" }} }}'
        )
        return f"{name}(filters: {{ {filters} }}, {pagination}) {{ {build_selection_set(query.model)} }}"

    def _check_empty_lists(
        self, plan: Plan, objects: Collection[ExistingObject], shared_ids: Iterable[Ref]
    ) -> None:
        """Raise `PermanentError` if the user may not view a model with an empty list."""
        # Without a plan an inventory is removed: then an empty list would claim that all is gone.
        expected = {planned.MODEL for planned in plan.objects} or {*OWNED_MODELS}
        listed = {row.id.model for row in objects} | {ref.model for ref in shared_ids}
        for model in sorted(expected - listed):
            self._netbox.check_may_read(PATHS[model])
        cables = [row for row in objects if row.id.model is Model.CABLE]
        if Model.CABLE in expected and not any(row.values["a_terminations"] for row in cables):
            self._netbox.check_may_read(CABLE_TERMINATIONS)


def _build_shared_queries(plan: Plan) -> list[_ListQuery]:
    """Return the queries for the planned objects that the fabric does not own."""
    keys: dict[Model, set[str]] = defaultdict(set)
    for planned in plan.objects:
        if planned.SHARED:
            keys[planned.MODEL].add(planned.key)
    if plan.fabric.shared_site:
        keys[Model.SITE].add(plan.fabric.shared_site)
    return [_ListQuery(model, tuple(sorted(names))) for model, names in keys.items()]
