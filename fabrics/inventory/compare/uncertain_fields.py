"""Fields of interfaces that stay while what may set them cannot be read.

A port gets its LAG, its VLANs and its VRF from connections and attachments. One that cannot be read may be the one
that gave them. Its cables and addresses stay, too: they are absent objects, of which `prune.policy` decides.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Final, Self

from fabrics.inventory.model.dcim import (
    INTERFACE_TYPE_LAG,
    INTERFACE_TYPE_VIRTUAL,
    Cable,
    Interface,
)
from fabrics.inventory.model.planned import PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.specs.connections import ConnectionSpec
from fabrics.inventory.specs.parse import strip_part
from fabrics.inventory.specs.vpc import ExternalAttachmentSpec, VPCAttachmentSpec

ATTACHMENT_KINDS: Final = frozenset({ExternalAttachmentSpec.KIND, VPCAttachmentSpec.KIND})
FIELD_GROUPS: Final = (
    ("lag",),
    ("mark_connected",),
    ("vrf",),
    ("mode", "untagged_vlan", "tagged_vlans"),
)
"""Fields that something else sets; those in one group depend on each other."""


@dataclass(frozen=True, slots=True)
class PortUncertainty:
    """Tells which fields of ports are not known to be empty.

    `incomplete` holds the keys of live objects that could not be read in full, `kinds` their kinds, and `linked`
    the ports whose connection is known.
    """

    incomplete: frozenset[str]
    kinds: frozenset[str]
    linked: frozenset[Ref]

    @classmethod
    def from_plan(cls, plan: Plan) -> Self:
        """Return what a plan leaves uncertain."""
        cabled = {
            end for cable in plan.objects if isinstance(cable, Cable) for end in cable.terminations
        }
        marked = {
            port.ref for port in plan.objects if isinstance(port, Interface) and port.mark_connected
        }
        kinds = frozenset(key.partition("/")[0] for key in plan.incomplete)
        return cls(plan.incomplete, kinds, frozenset(cabled | marked))

    def find_fields(self, planned: PlannedObject, existing: Mapping[str, Any]) -> Set[str]:
        """Return the fields of an interface whose `existing` values may be right."""
        if not self.incomplete or not isinstance(planned, Interface):
            return set()
        return {
            name
            for group in FIELD_GROUPS
            if any(self._may_have(planned, _find_lost(planned, existing, other)) for other in group)
            for name in group
        }

    def _may_have(self, port: Interface, lost: Set[Any]) -> bool:
        """Return whether one of these values may be set by what cannot be read."""
        refs = (value for value in lost if isinstance(value, Ref))
        if any(strip_part(ref.key) in self.incomplete for ref in refs):
            return True
        if ConnectionSpec.KIND in self.kinds:  # the attachments to it cannot be read either
            is_known = port.type in (INTERFACE_TYPE_LAG, INTERFACE_TYPE_VIRTUAL)
            return bool(lost) and not (is_known or port.ref in self.linked)
        return bool(lost) and not ATTACHMENT_KINDS.isdisjoint(self.kinds)


def _find_lost(port: Interface, existing: Mapping[str, Any], name: str) -> Set[Any]:
    """Return the values of a field that an interface has and should not have."""
    has, planned = existing[name], getattr(port, name)
    if isinstance(has, tuple):
        return set(has) - set(planned)
    return {has} if has and not planned else set()
