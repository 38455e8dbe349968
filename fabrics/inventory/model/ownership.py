"""The tag and custom fields that say which fabric a NetBox object belongs to."""

from typing import Final

TAG_SLUG: Final = "hedgehog-sync"
"""The tag of created and adopted objects; no others are changed or deleted."""

FABRIC_FIELD: Final = "hh_fabric"
"""The custom field for the id of the fabric that an object belongs to."""

KEY_FIELD: Final = "hh_key"
"""The custom field for the Kubernetes object: `<Kind>/<namespace>/<name>[#part]`."""
