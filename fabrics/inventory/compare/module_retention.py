"""Module bays and modules that stay, since nothing says that they are gone.

A cage is still there when its transceiver is pulled. A switch of which nothing is observed now still has
the transceivers that it had.
"""

from collections.abc import Callable

from fabrics.inventory.model.existing import ExistingObject, RefsById
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import Plan


def make_module_check(plan: Plan, refs: RefsById) -> Callable[[ExistingObject], bool]:
    """Return a function: is an absent object a bay or module that stays?"""
    devices = {planned.ref for planned in plan.objects if planned.MODEL is Model.DEVICE}

    def stays(row: ExistingObject) -> bool:
        if row.id.model is Model.MODULE_BAY:
            return row.resolve_values(refs)["device"] in devices
        if row.id.model is Model.MODULE:
            device = row.resolve_values(refs)["device"]
            return not plan.unobserved.isdisjoint({device, row.ref})
        return False

    return stays
