"""All small changes of a live object, each with the field that must be reported."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fabrics.resources.field_paths import join_field
from fabrics.resources.json_types import Json
from fabrics.resources.schema.base import SchemaType
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct
from fabrics.resources.schema.unknown import UNKNOWN_FIELD

type Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutation:
    """A changed spec; it must be reported at `path`, or below it where `below`.

    `unknown`: the change adds a field that is not known, so it must be named but be no drift.
    """

    description: str
    spec: Json
    path: str
    below: bool
    hydrated: bool
    unknown: bool = False

    def explains(self, path: str) -> bool:
        return path == self.path or (self.below and path.startswith(self.path + "["))


def mutations(schema: Struct, spec: dict[str, Json]) -> Iterator[Mutation]:
    """Yield all mutations of a live spec: changed, removed, renamed and added fields."""
    yield from _Mutator(schema, spec).all()


def changed(value: Json) -> Json:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x"


def replaced(value: Json, steps: Steps, new: Json) -> Json:
    """Return a copy of a JSON value with `new` at `steps`; it shares all else."""
    match steps:
        case (str(name), *rest) if isinstance(value, dict):
            return value | {name: replaced(value[name], tuple(rest), new)}
        case (int(index), *rest) if isinstance(value, list):
            item = replaced(value[index], tuple(rest), new)
            return [*value[:index], item, *value[index + 1 :]]
    return new


class _Mutator:
    def __init__(self, schema: Struct, spec: dict[str, Json]) -> None:
        self.schema, self.spec = schema, spec

    def all(self) -> Iterator[Mutation]:
        yield from self.visit((), self.spec, self.schema)

    def mutation(self, description: str, steps: Steps, new: Json, *field: str) -> Mutation:
        path, below, hydrated = self.reported((*steps, *field))
        return Mutation(description, replaced(self.spec, steps, new), path, below, hydrated)

    def reported(self, steps: Steps) -> tuple[str, bool, bool]:
        """Return path, `below` and `hydrated` of a change; lists count as a whole."""
        path, below, hydrated = "spec", False, False
        schema: SchemaType = self.schema
        for step in steps:
            if isinstance(schema, AtomicList | Set):
                below, schema = True, schema.item_type
            elif isinstance(schema, Map):
                schema = schema.value_type
            elif isinstance(schema, Struct):
                schema = schema.fields.get(str(step), UNKNOWN_FIELD)
            if not below:
                path = join_field(path, str(step))
            hydrated |= schema.hydrated
        return path, below or isinstance(schema, AtomicList | Set), hydrated

    def visit(self, steps: Steps, value: Json, schema: SchemaType) -> Iterator[Mutation]:
        if isinstance(value, dict):
            yield from self.of_dict(steps, value, schema)
        elif isinstance(value, list):
            yield from self.of_list(steps, value, schema)
        else:
            yield self.mutation("change a leaf", steps, changed(value))

    def of_dict(
        self, steps: Steps, value: dict[str, Json], schema: SchemaType
    ) -> Iterator[Mutation]:
        added = self.mutation("add a field", steps, value | {"zzz": 1}, "zzz")
        yield replace(added, unknown=not isinstance(schema, Map))
        for name, field in value.items():
            rest = {key: other for key, other in value.items() if key != name}
            field_schema = schema.value_type if isinstance(schema, Map) else UNKNOWN_FIELD
            if isinstance(schema, Map):
                yield self.mutation("remove a map entry", steps, rest, name)
                yield self.mutation("rename a map key", steps, rest | {name + "zzz": field}, name)
            elif isinstance(schema, Struct):
                field_schema = schema.fields.get(name, UNKNOWN_FIELD)
                # An empty field of a struct equals an absent one, except with `keep_empty`.
                if not isinstance(field, dict | list) and (field or field_schema.keep_empty):
                    yield self.mutation("remove a leaf", steps, rest, name)
            yield from self.visit((*steps, name), field, field_schema)

    def of_list(self, steps: Steps, value: list[Json], schema: SchemaType) -> Iterator[Mutation]:
        assert isinstance(schema, AtomicList | Set)
        for index, item in enumerate(value):
            yield self.mutation("remove an element", steps, value[:index] + value[index + 1 :])
            yield self.mutation("repeat an element", steps, [*value, item])
            yield from self.visit((*steps, index), item, schema.item_type)
