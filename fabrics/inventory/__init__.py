"""The inventory: a fabric's live state as the objects that NetBox should hold.

Pure: live objects and the fabric's settings in, a `Plan` out. Whoever compares it with what NetBox
holds needs no more than `PlannedObject`: model, keys, fields, references, claims.
"""

from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, PlannedObject, Ref, UniqueKey
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.specs.parse import SkippedObject

__all__ = [
    "FabricIdentity",
    "Model",
    "Plan",
    "PlannedObject",
    "Ref",
    "SkippedObject",
    "UniqueKey",
    "make_plan",
]
