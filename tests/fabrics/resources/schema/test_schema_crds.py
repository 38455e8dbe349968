"""The schemas against the custom resource definitions of a real release."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from fabrics.resources.kinds import COMPARED_KINDS, Kind, get_kinds
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import SchemaType
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.paths import HEDGEHOG

pytestmark = needs_samples


# Their definitions are not published with a release yet.
KINDS_OF_NEXT_RELEASE = get_kinds(["Fabric", "VPCInterconnect"])
KINDS = tuple(kind for kind in COMPARED_KINDS if kind not in KINDS_OF_NEXT_RELEASE)


def _load_crd(kind: Kind) -> dict[str, Any]:
    path = HEDGEHOG / "crds" / f"{kind.group}_{kind.plural}.yaml"
    definition = yaml.safe_load(path.read_text())
    assert definition["spec"]["names"]["kind"] == kind.name
    (version,) = definition["spec"]["versions"]
    assert version["name"] == kind.version
    spec: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def _disagreements(path: str, crd: dict[str, Any], schema: SchemaType) -> Iterator[str]:
    """Describe the fields that a definition and our schema give different types."""
    if crd["type"] == "array":
        if not isinstance(schema, AtomicList | Set):
            yield f"{path} is a list"
        else:
            yield from _disagreements(f"{path}[]", crd["items"], schema.item_type)
    elif "additionalProperties" in crd:
        if not isinstance(schema, Map):
            yield f"{path} is a map"
        else:
            yield from _disagreements(f"{path}.*", crd["additionalProperties"], schema.value_type)
    elif crd["type"] == "object":
        if not isinstance(schema, Struct):
            yield f"{path} is a struct"
            return
        for name, field in crd.get("properties", {}).items():
            if name in schema.fields:
                yield from _disagreements(f"{path}.{name}", field, schema.fields[name])
            else:
                yield f"{path}.{name} is unknown"
    elif isinstance(schema, Struct | Map | AtomicList | Set):
        yield f"{path} is a single value"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_schema_agrees_with_custom_resource_definition(kind: Kind) -> None:
    assert list(_disagreements("spec", _load_crd(kind), get_spec_schema(kind))) == []
