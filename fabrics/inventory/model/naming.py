"""Names and slugs as NetBox takes them, and what the names of a fabric's objects look like."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from fabrics.inventory.model.planned import Model, Ref

DEVICE: Final = 64
VLAN: Final = 64
INTERFACE: Final = 64
VRF: Final = 100
GROUP: Final = 100
LABEL: Final = 100
SITE: Final = 100
SLUG: Final = 100
DESCRIPTION: Final = 200
"""The longest that NetBox 4.7 takes, in characters."""

_HASH = 8


@dataclass(frozen=True, slots=True)
class Fabric:
    """The fabric that is mirrored, and where its devices stand.

    `site` is the slug of a site that it shares with others; empty gives it a site of its own, called
    `name`. Names hold the id, which stays when the fabric is renamed.
    """

    fabric_id: str
    name: str
    site: str = ""

    @property
    def key(self) -> str:
        """The `hh_key` of what the fabric as a whole has."""
        return f"Fabric/default/{self.fabric_id}"

    @property
    def site_ref(self) -> Ref:
        """The site of all devices: one in NetBox already, by its slug, or the fabric's own."""
        return Ref(Model.SITE, self.site or f"{self.key}#site")

    @property
    def underlay(self) -> Ref:
        """The VRF of the addresses that switches and gateways have among themselves."""
        return Ref(Model.VRF, f"{self.key}#underlay")

    def device(self, name: str) -> str:
        """A device's name. Names are unique in a site, so a shared one tells fabrics apart."""
        return fit(f"{self.fabric_id}-{name}" if self.site else name, DEVICE)

    def vrf(self, kind: str, name: str) -> str:
        """The name of a VRF, which is no fabric's neighbour's: `dc1:vpc:prod`."""
        return fit(f"{self.fabric_id}:{kind}:{name}", VRF)

    def vlan_group(self, name: str) -> str:
        return fit(f"{self.fabric_id}:{name}", GROUP)


def fit(text: str, limit: int) -> str:
    """The text where it is short enough; else its beginning and a hash, so that it stays unique."""
    if len(text) <= limit:
        return text
    digest = sha256(text.encode()).hexdigest()[:_HASH]
    return f"{text[: limit - _HASH - 1]}-{digest}"


def slug(text: str) -> str:
    """The text as a slug: small letters, digits, `-` and `_`."""
    return fit(re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-") or "none", SLUG)
