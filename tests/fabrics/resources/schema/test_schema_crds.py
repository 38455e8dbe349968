"""The tables of field shapes against the custom resource definitions of a real release."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from fabrics.resources.kinds import COMPARED_KINDS, Kind
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.types import AtomicList, Map, SchemaType, Set, Struct
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.paths import HEDGEHOG

pytestmark = needs_samples


def _schema(kind: Kind) -> dict[str, Any]:
    path = HEDGEHOG / "crds" / f"{kind.group}_{kind.plural}.yaml"
    definition = yaml.safe_load(path.read_text())
    assert definition["spec"]["names"]["kind"] == kind.name
    (version,) = definition["spec"]["versions"]
    assert version["name"] == kind.version
    spec: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def _disagreements(path: str, schema: dict[str, Any], shape: SchemaType) -> Iterator[str]:
    """Where a definition has a struct, map, list or field and the tables have something else."""
    if schema["type"] == "array":
        if not isinstance(shape, AtomicList | Set):
            yield f"{path} is a list"
        else:
            yield from _disagreements(f"{path}[]", schema["items"], shape.item_type)
    elif "additionalProperties" in schema:
        if not isinstance(shape, Map):
            yield f"{path} is a map"
        else:
            yield from _disagreements(f"{path}.*", schema["additionalProperties"], shape.value_type)
    elif schema["type"] == "object":
        if not isinstance(shape, Struct):
            yield f"{path} is a struct"
            return
        for name, field in schema.get("properties", {}).items():
            if name in shape.fields:
                yield from _disagreements(f"{path}.{name}", field, shape.fields[name])
            else:
                yield f"{path}.{name} is unknown"
    elif isinstance(shape, Struct | Map | AtomicList | Set):
        yield f"{path} is a single value"


@pytest.mark.parametrize("kind", COMPARED_KINDS, ids=lambda kind: kind.name)
def test_the_table_agrees_with_the_definition(kind: Kind) -> None:
    assert list(_disagreements("spec", _schema(kind), get_spec_schema(kind))) == []
