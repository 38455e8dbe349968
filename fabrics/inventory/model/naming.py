"""Names and slugs as NetBox takes them, and what the names of a fabric's objects look like."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from fabrics.inventory.model.planned import Model, Ref

MAX_DEVICE_NAME_CHARS: Final = 64
MAX_VLAN_NAME_CHARS: Final = 64
MAX_INTERFACE_NAME_CHARS: Final = 64
MAX_VRF_NAME_CHARS: Final = 100
MAX_VLAN_GROUP_NAME_CHARS: Final = 100
MAX_LABEL_CHARS: Final = 100
MAX_SITE_NAME_CHARS: Final = 100
MAX_SLUG_CHARS: Final = 100
MAX_DESCRIPTION_CHARS: Final = 200
"""The longest that NetBox 4.7 takes, in characters."""

_HASH_CHARS = 8


@dataclass(frozen=True, slots=True)
class FabricIdentity:
    """The fabric that is mirrored, and where its devices stand.

    `site` is the slug of a site that it shares with others; empty gives it a site of its own, called
    `name`. Names hold the id, which stays when the fabric is renamed.
    """

    fabric_id: str
    name: str
    shared_site: str = ""

    @property
    def key(self) -> str:
        """The `hh_key` of what the fabric as a whole has."""
        return f"Fabric/default/{self.fabric_id}"

    @property
    def site_ref(self) -> Ref:
        """The site of all devices: one in NetBox already, by its slug, or the fabric's own."""
        return Ref(Model.SITE, self.shared_site or f"{self.key}#site")

    @property
    def underlay_ref(self) -> Ref:
        """The VRF of the addresses that switches and gateways have among themselves."""
        return Ref(Model.VRF, f"{self.key}#underlay")

    def device_name(self, name: str) -> str:
        """A device's name. Names are unique in a site, so a shared one tells fabrics apart."""
        return shorten(
            f"{self.fabric_id}-{name}" if self.shared_site else name, MAX_DEVICE_NAME_CHARS
        )

    def vrf_name(self, kind: str, name: str) -> str:
        """The name of a VRF, which is no fabric's neighbour's: `dc1:vpc:prod`."""
        return shorten(f"{self.fabric_id}:{kind}:{name}", MAX_VRF_NAME_CHARS)

    def vlan_group_name(self, name: str) -> str:
        return shorten(f"{self.fabric_id}:{name}", MAX_VLAN_GROUP_NAME_CHARS)


def shorten(text: str, limit: int) -> str:
    """The text where it is short enough; else its beginning and a hash, so that it stays unique."""
    if len(text) <= limit:
        return text
    digest = sha256(text.encode()).hexdigest()[:_HASH_CHARS]
    return f"{text[: limit - _HASH_CHARS - 1]}-{digest}"


def slugify(text: str) -> str:
    """The text as a slug: small letters, digits, `-` and `_`."""
    return shorten(re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "none", MAX_SLUG_CHARS)
