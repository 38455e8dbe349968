"""The schema of each compared kind's `spec`.

As of Hedgehog fabric v0.129 (release 26.03), one row per field. A field without a row, such as one
of a newer release, is compared as a whole; only a map needs a row, so that its empty entries count.
Sources: the custom resource definitions, the Go types in `githedgehog/fabric` (`api/**`: pointers
keep empty values) and `githedgehog/fabricator` (`pkg/hhfab/hydrate.go`: hydrated fields).
"""

from fabrics.resources.kinds import Kind
from fabrics.resources.schema.gateway import GATEWAY_SPECS
from fabrics.resources.schema.types import Struct
from fabrics.resources.schema.vpc import VPC_SPECS
from fabrics.resources.schema.wiring import WIRING_SPECS

_SPECS = {**WIRING_SPECS, **VPC_SPECS, **GATEWAY_SPECS}


def get_spec_schema(kind: Kind) -> Struct:
    """Return the schema of the `spec` of a kind."""
    return _SPECS[kind.name]
