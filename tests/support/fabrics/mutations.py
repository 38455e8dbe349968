"""Every small change that could be made to a live object, with the field that must be reported."""

from collections.abc import Iterator
from dataclasses import dataclass

from fabrics.resources.field_paths import join_field
from fabrics.resources.json_types import Json
from fabrics.resources.schema.types import UNKNOWN_FIELD, AtomicList, Map, SchemaType, Set, Struct

type Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutation:
    """A changed spec. What is reported must be `path`, or below it where `below`."""

    what: str
    spec: Json
    path: str
    below: bool
    hydrated: bool

    def explains(self, path: str) -> bool:
        return path == self.path or (self.below and path.startswith(self.path + "["))


def mutations(shape: Struct, spec: dict[str, Json]) -> Iterator[Mutation]:
    """All mutations of a live spec: change, remove and rename what is there, add what is not."""
    yield from _Mutator(shape, spec).all()


def changed(value: Json) -> Json:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x"


def replaced(value: Json, steps: Steps, new: Json) -> Json:
    """A copy of a JSON value in which the value at `steps` is another; shares the rest."""
    match steps:
        case (str(name), *rest) if isinstance(value, dict):
            return value | {name: replaced(value[name], tuple(rest), new)}
        case (int(index), *rest) if isinstance(value, list):
            found = replaced(value[index], tuple(rest), new)
            return [*value[:index], found, *value[index + 1 :]]
    return new


class _Mutator:
    def __init__(self, shape: Struct, spec: dict[str, Json]) -> None:
        self.shape, self.spec = shape, spec

    def all(self) -> Iterator[Mutation]:
        yield from self.visit((), self.spec, self.shape)

    def mutation(self, what: str, steps: Steps, new: Json, *field: str) -> Mutation:
        path, below, hydrated = self.reported((*steps, *field))
        return Mutation(what, replaced(self.spec, steps, new), path, below, hydrated)

    def reported(self, steps: Steps) -> tuple[str, bool, bool]:
        """The path to report for a change at `steps`: within lists, that of the outermost list."""
        path, below, hydrated = "spec", False, False
        shape: SchemaType = self.shape
        for step in steps:
            if isinstance(shape, AtomicList | Set):
                below, shape = True, shape.item_type
            elif isinstance(shape, Map):
                shape = shape.value_type
            elif isinstance(shape, Struct):
                shape = shape.fields.get(str(step), UNKNOWN_FIELD)
            if not below:
                path = join_field(path, str(step))
            hydrated |= shape.hydrated
        return path, below or isinstance(shape, AtomicList | Set), hydrated

    def visit(self, steps: Steps, value: Json, shape: SchemaType) -> Iterator[Mutation]:
        if isinstance(value, dict):
            yield from self.of_dict(steps, value, shape)
        elif isinstance(value, list):
            yield from self.of_list(steps, value, shape)
        else:
            yield self.mutation("change a leaf", steps, changed(value))

    def of_dict(
        self, steps: Steps, value: dict[str, Json], shape: SchemaType
    ) -> Iterator[Mutation]:
        yield self.mutation("add a field", steps, value | {"zzz": 1}, "zzz")
        for name, each in value.items():
            rest = {key: other for key, other in value.items() if key != name}
            below = shape.value_type if isinstance(shape, Map) else UNKNOWN_FIELD
            if isinstance(shape, Map):
                yield self.mutation("remove a map entry", steps, rest, name)
                yield self.mutation("rename a map key", steps, rest | {name + "zzz": each}, name)
            elif isinstance(shape, Struct):
                below = shape.fields.get(name, UNKNOWN_FIELD)
                # An empty field of a struct is the same as none, unless it is kept.
                if not isinstance(each, dict | list) and (each or below.keep_empty):
                    yield self.mutation("remove a leaf", steps, rest, name)
            yield from self.visit((*steps, name), each, below)

    def of_list(self, steps: Steps, value: list[Json], shape: SchemaType) -> Iterator[Mutation]:
        assert isinstance(shape, AtomicList | Set)
        for index, each in enumerate(value):
            yield self.mutation("remove an element", steps, value[:index] + value[index + 1 :])
            yield self.mutation("repeat an element", steps, [*value, each])
            yield from self.visit((*steps, index), each, shape.item_type)
