"""The schema of each compared kind's `spec`.

As of Hedgehog fabric v0.129 (release 26.03) and what the release after it adds, one row per field.
A field without a row, such as one of a later release, is compared as `unknown.py` says.
Sources: the custom resource definitions, the Go types in `githedgehog/fabric` (`api/**`: pointers
keep empty values) and `githedgehog/fabricator` (`pkg/hhfab/hydrate.go`: hydrated fields).
"""

from fabrics.resources.kinds import Kind
from fabrics.resources.schema.gateway import GATEWAY_SPECS
from fabrics.resources.schema.types import Struct
from fabrics.resources.schema.vpc import VPC_SPECS
from fabrics.resources.schema.wiring import WIRING_SPECS

_SPECS = {**WIRING_SPECS, **VPC_SPECS, **GATEWAY_SPECS}
_UNKNOWN_SPEC = Struct()


def get_spec_schema(kind: Kind) -> Struct:
    """Return the schema of a kind's `spec`; it is empty for unknown kinds."""
    return _SPECS.get(kind.name, _UNKNOWN_SPEC)
