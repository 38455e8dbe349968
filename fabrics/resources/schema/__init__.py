"""What the fields of each compared kind mean, as of Hedgehog fabric v0.129 (release 26.03).

One row per field. A field that is missing here is still compared, as a whole; a field of a newer
release works, but a map among them should get its row, so that its empty entries count.
Sources: the custom resource definitions, the Go types in `githedgehog/fabric` (`api/**`, for what is
a pointer and so kept) and `githedgehog/fabricator` (`pkg/hhfab/hydrate.go`, for what is hydrated).
"""

from fabrics.resources.kinds import Kind
from fabrics.resources.schema.gateway import GATEWAY_SPECS
from fabrics.resources.schema.types import Struct
from fabrics.resources.schema.vpc import VPC_SPECS
from fabrics.resources.schema.wiring import WIRING_SPECS

_SPECS = {**WIRING_SPECS, **VPC_SPECS, **GATEWAY_SPECS}


def get_spec_schema(kind: Kind) -> Struct:
    """The shape of a kind's `spec`."""
    return _SPECS[kind.name]
