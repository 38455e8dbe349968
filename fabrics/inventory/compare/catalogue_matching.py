"""Which existing object of NetBox's catalogue each planned one is.

Other people and programs fill the catalogue, too, and choose slugs of their own. So an object that has another slug
is known by its name, whatever its case: a device type and a module type by manufacturer and model.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from types import MappingProxyType

from fabrics.inventory.compare.matching import index_unique_keys
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model, PlannedObject, Ref, UniqueKey


def match_catalogue(
    planned: Iterable[PlannedObject],
    rows: Collection[ExistingObject],
    known_ids: Mapping[Ref, ObjectId] = MappingProxyType({}),
) -> dict[Ref, ObjectId]:
    """Return the ids of those planned objects that are among the rows.

    No row stands for two of them. The rows of `known_ids` stand for other objects, to which these may refer.
    """
    refs = {object_id: ref for ref, object_id in known_ids.items()}
    ids: dict[Ref, ObjectId] = {}
    for model, objects in groupby(_sort_by_model(planned), key=lambda item: item.MODEL):
        # The unique keys of types contain their manufacturers, which come first.
        index = index_unique_keys((row for row in rows if row.id.model is model), refs)
        for ref, unique_key in _list_unique_keys(list(objects)):
            free = [id_ for id_ in index.find_conflicting(unique_key) if id_ not in refs]
            if free and ref not in ids:
                ids[ref] = min(free)
                refs[ids[ref]] = ref
    return ids


def _sort_by_model(planned: Iterable[PlannedObject]) -> list[PlannedObject]:
    order = {model: place for place, model in enumerate(Model)}
    return sorted(planned, key=lambda item: (order[item.MODEL], item.key))


def _list_unique_keys(objects: Collection[PlannedObject]) -> Iterator[tuple[Ref, UniqueKey]]:
    """Yield the surest unique keys of all objects before the others."""
    ranked = (
        (rank, item.ref, unique_key)
        for item in objects
        for rank, unique_key in enumerate(item.unique_keys())
    )
    for _, ref, unique_key in sorted(ranked, key=lambda entry: entry[0]):
        yield ref, unique_key
