"""Read a fabric's inventory from NetBox in a handful of requests.

One GraphQL request reads the lists of several models. GraphQL shows an empty list to users who may not
view a model, so a list that is unexpectedly empty is requested again over REST, which refuses it.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import batched, groupby
from typing import Final, NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from activities.errors import TransientError
from activities.inventory.netbox.client import GraphQLError, InventoryNetBox
from activities.inventory.netbox.endpoints import CABLE_TERMINATIONS, PATHS
from activities.inventory.netbox.serializers import (
    build_catalogue_filters,
    build_in_list,
    build_selection_set,
    is_owned_by,
    parse_row,
)
from activities.netbox.client import Row
from fabrics.inventory.compare.catalogue_matching import match_catalogue
from fabrics.inventory.model.existing import ExistingInventory, ExistingObject, ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.plan.plan import Plan

PAGE_SIZE: Final = 1000
LISTS_PER_REQUEST: Final = 8
"""NetBox's limits are 10 lists per request and 1,000 rows per list, or its MAX_PAGE_SIZE if less."""


class _ListQuery(NamedTuple):
    """Part of a model's list, from an id on: own objects, or those of the filters."""

    model: Model
    filters: str = ""
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
        shared: list[ExistingObject] = []
        try:
            for query, row in self._fetch_rows(queries):
                if query.filters:
                    shared.append(parse_row(query.model, row))
                elif is_owned_by(row, self._fabric_id):
                    objects.append(parse_row(query.model, row))
        except GraphQLError:  # perhaps since the user may not view something
            for path in PATHS.values():
                self._netbox.check_may_read(path)
            raise
        self._check_empty_lists(plan, [*objects, *shared])
        self._ids_at_read = frozenset(row.id for row in objects)
        return ExistingInventory(objects, _find_shared_ids(plan, shared))

    def find_created(self, model: Model) -> dict[str, ObjectId]:
        """Return the ids of the fabric's objects that are new since `read`, by `hh_key`.

        An older object may have such a key too: a subinterface that moves to another switch.
        """
        rows = (row for _, row in self._fetch_rows([_ListQuery(model)]))
        own = (parse_row(model, row) for row in rows if is_owned_by(row, self._fabric_id))
        return {row.key: row.id for row in own if row.id not in self._ids_at_read}

    def find_shared(
        self, planned: Collection[PlannedObject], known_ids: Mapping[Ref, ObjectId]
    ) -> dict[Ref, ObjectId]:
        """Return the ids of planned objects, of one shared model, that exist by now."""
        model = next(iter(planned)).MODEL
        query = _ListQuery(model, build_catalogue_filters(model, planned))
        rows = [parse_row(model, row) for _, row in self._fetch_rows([query])]
        return match_catalogue(planned, rows, known_ids)

    def list_interfaces(self, names: Iterable[str]) -> Iterator[Row]:
        """Yield the interfaces of these names on the fabric's devices, whoever made them."""
        filters = f"{{ device: {{ {self._own_filters} }}, {build_in_list('name', names)} }}"
        return (row for _, row in self._fetch_rows([_ListQuery(Model.INTERFACE, filters)]))

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
        name, selection_set = f"{query.model.name.lower()}_list", build_selection_set(query.model)
        pagination = f"pagination: {{ start: {query.start}, limit: {PAGE_SIZE} }}"
        filters = query.filters or f"{{ {self._own_filters} }}"
        return f"{name}(filters: {filters}, {pagination}) {{ {selection_set} }}"

    @property
    def _own_filters(self) -> str:
        is_fabric = f"{{ string_lookup: {{ exact: {json.dumps(self._fabric_id)} }} }}"
        return (
            f'custom_field_data: {{ path: "{FABRIC_FIELD}", lookup: {is_fabric} }},'
            f' tags: {{ slug: {{ exact: "{TAG_SLUG}" }} }}'
        )

    def _check_empty_lists(self, plan: Plan, rows: Collection[ExistingObject]) -> None:
        """Raise `PermanentError` if the user may not view a model with an empty list."""
        # Without a plan an inventory is removed: then an empty list would claim that all is gone.
        expected = {planned.MODEL for planned in plan.objects} or {*OWNED_MODELS}
        listed = {row.id.model for row in rows}
        for model in sorted(expected - listed):
            self._netbox.check_may_read(PATHS[model])
        cables = [row for row in rows if row.id.model is Model.CABLE]
        if Model.CABLE in expected and not any(row.values["a_terminations"] for row in cables):
            self._netbox.check_may_read(CABLE_TERMINATIONS)


def _build_shared_queries(plan: Plan) -> list[_ListQuery]:
    """Return the queries for the planned objects that the fabric does not own."""
    shared = (planned for planned in plan.objects if planned.SHARED)  # sorted by model
    queries = [
        _ListQuery(model, build_catalogue_filters(model, objects))
        for model, objects in groupby(shared, key=lambda planned: planned.MODEL)
    ]
    if plan.fabric.shared_site:
        by_slug = build_in_list("slug", [plan.fabric.shared_site])
        queries.append(_ListQuery(Model.SITE, f"{{ {by_slug} }}"))
    return queries


def _find_shared_ids(plan: Plan, rows: Collection[ExistingObject]) -> dict[Ref, ObjectId]:
    """Return the ids of the planned catalogue objects, and of the shared site."""
    ids = match_catalogue((planned for planned in plan.objects if planned.SHARED), rows)
    for row in rows:
        if row.id.model is Model.SITE and row.values["slug"] == plan.fabric.shared_site:
            ids[plan.fabric.site_ref] = row.id
    return ids
