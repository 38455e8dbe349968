"""The inventory: a fabric's live state as the objects that NetBox should hold.

Pure: live objects and the fabric's settings in, a `Plan` out. Whoever compares it with what NetBox
holds needs no more than `Wanted`: model, keys, fields, references, claims.
"""

from fabrics.inventory.model.naming import Fabric
from fabrics.inventory.model.planned import Claim, Model, Ref, Wanted
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.specs.parse import Skipped

__all__ = [
    "Claim",
    "Fabric",
    "Model",
    "Plan",
    "Ref",
    "Skipped",
    "Wanted",
    "make_plan",
]
