"""Names and slugs that NetBox accepts, and the names of a fabric's objects."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from fabrics.inventory.model.planned import Model, Ref

MAX_DEVICE_NAME_CHARS: Final = 64
"""The longest name of a device, an interface or a VLAN that NetBox 4.7 accepts, in characters."""

MAX_NAME_CHARS: Final = 100
"""The longest name of any other object, slug or label of a cable."""

MAX_DESCRIPTION_CHARS: Final = 200

_HASH_CHARS = 8


@dataclass(frozen=True, slots=True)
class FabricIdentity:
    """The id and name of a fabric, and the site of its devices.

    `shared_site` is the slug of a site that the fabric shares with others; if it is empty, the fabric has
    a site of its own, called `name`. Names of VRFs and VLAN groups contain the id, which no renaming changes.
    """

    fabric_id: str
    name: str
    shared_site: str = ""

    @property
    def key(self) -> str:
        """The `hh_key` of objects that belong to the fabric as a whole."""
        return f"Fabric/default/{self.fabric_id}"

    @property
    def site_ref(self) -> Ref:
        """The site of all devices: the shared one, by its slug, or the fabric's own."""
        return Ref(Model.SITE, self.shared_site or f"{self.key}#site")

    @property
    def underlay_ref(self) -> Ref:
        """The VRF of the addresses that switches and gateways use among themselves."""
        return Ref(Model.VRF, f"{self.key}#underlay")

    def device_name(self, name: str) -> str:
        """Return a device's name in NetBox.

        NetBox wants it unique in its site, so in a shared site it starts with the fabric's id.
        """
        prefix = f"{self.fabric_id}-" if self.shared_site else ""
        return shorten(f"{prefix}{name}", MAX_DEVICE_NAME_CHARS)

    def vrf_name(self, kind: str, name: str) -> str:
        """Return a VRF's name, which no other fabric has, such as `dc1:vpc:prod`."""
        return shorten(f"{self.fabric_id}:{kind}:{name}", MAX_NAME_CHARS)

    def vlan_group_name(self, name: str) -> str:
        """Return a VLAN group's name, which no other fabric has, such as `dc1:default`."""
        return shorten(f"{self.fabric_id}:{name}", MAX_NAME_CHARS)


def shorten(text: str, limit: int) -> str:
    """Return the text, cut to `limit` characters if longer, with a hash at its end."""
    if len(text) <= limit:
        return text
    digest = sha256(text.encode()).hexdigest()[:_HASH_CHARS]
    return f"{text[: limit - _HASH_CHARS - 1]}-{digest}"


def slugify(text: str) -> str:
    """Return the text as a slug of small letters, digits, `-` and `_`."""
    return shorten(re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "none", MAX_NAME_CHARS)
