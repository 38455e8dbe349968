"""Objects of the inventory whose resource differs from Git."""

from fabrics.drift.ages import make_object_id
from fabrics.inventory.model.dcim import Device
from fabrics.inventory.model.ipam import VLAN, VRF, Prefix
from fabrics.inventory.plan.plan import Plan, make_plan
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plan_invariants import check
from tests.support.inventory.plans import DC1, plan
from tests.support.inventory.small_fabric import FRAME, vpc

FOUND = "1795529100"
OBJECTS = (*FRAME, vpc("prod", 1001, "10.0.1.0/24"), vpc("test", 1002, "10.0.2.0/24"))
SINCE = "Differs from Git since 2026-11-24 14:05:00 UTC. To see how, run: starter.py diff dc1"


def plan_drifted(*keys: str, since: str = FOUND) -> Plan:
    """Return the plan of a fabric in which the objects of these keys have drifted."""
    made = make_plan(live_state(*OBJECTS), DC1, drifted={since: "".join(map(make_object_id, keys))})
    check(made)
    return made


def statements(made: Plan) -> dict[str, str | None]:
    """Return what objects say of drift, by model and key."""
    return {
        f"{planned.MODEL.noun} {planned.key}": planned.drift
        for planned in made.objects
        if isinstance(planned, Device | VRF | VLAN | Prefix)
    }


def sentences(made: Plan) -> dict[str, str]:
    """Return what those objects say that have drifted."""
    return {key: sentence for key, sentence in statements(made).items() if sentence}


def test_device_vrf_vlan_and_prefix_of_a_drifted_resource_say_since_when() -> None:
    assert sentences(plan_drifted("VPC/default/prod", "Switch/default/leaf-1")) == {
        "vrf VPC/default/prod": SINCE,
        "vlan VPC/default/prod#a": SINCE,
        "prefix VPC/default/prod#a": SINCE,
        "device Switch/default/leaf-1": SINCE,
    }


def test_unknown_time_is_not_said() -> None:
    found = sentences(plan_drifted("Server/default/s-1", since=""))
    assert found == {
        "device Server/default/s-1": "Differs from Git. To see how, run: starter.py diff dc1"
    }


def test_all_other_objects_say_nothing() -> None:
    for made in (plan_drifted(), plan_drifted("Connection/default/c", "VPC/default/gone")):
        assert set(statements(made).values()) == {""}


def test_objects_keep_what_they_say_while_nobody_knows() -> None:
    made = plan(*OBJECTS)
    assert set(statements(made).values()) == {None}
    compared = [item for item in made.objects if isinstance(item, Device | VRF | VLAN | Prefix)]
    assert all("drift" in planned.create_only_fields for planned in compared)
