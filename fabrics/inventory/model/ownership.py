"""The tag and the two custom fields that tell which NetBox objects belong to a fabric."""

from typing import Final

TAG_SLUG: Final = "hedgehog-sync"
"""The tag of every object that Fabric Sync created or adopted; nothing without it is changed or deleted."""

FABRIC_FIELD: Final = "hh_fabric"
"""The custom field that holds the id of the fabric that an object belongs to."""

KEY_FIELD: Final = "hh_key"
"""The custom field that holds `<Kind>/<namespace>/<name>[#part]`: the Kubernetes object that an object shows."""
