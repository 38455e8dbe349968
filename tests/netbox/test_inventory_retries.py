"""What becomes of an inventory when answers get lost: NetBox did what nobody knows that it did."""

import asyncio

from fabrics.inventory.kinds import OWNED
from tests.e2e.lying_netbox import LyingNetBox
from tests.fabrics.inventory.small import FRAME, attachment, cable, vpc
from tests.fabrics.objects import live_state
from tests.netbox.mirror import Mirror

SMALL = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    vpc("v", 1001, "10.0.1.0/24"),
    attachment("v-c", "v/a", "c"),
)


def counts(mirror: Mirror) -> dict[str, int]:
    return {str(model): len(mirror.own(model)) for model in OWNED}


async def test_what_was_created_all_the_same_is_found_and_not_created_twice(
    between: LyingNetBox, through: Mirror
) -> None:
    between.forgets = True
    outcome = await asyncio.to_thread(through.sync, *SMALL)
    plan = through.plan(live_state(*SMALL))
    assert len(between.forgotten) > 8
    assert outcome.report.problems == {}
    there = await asyncio.to_thread(counts, through)
    assert there == {str(model): plan.counts[model] for model in OWNED}
    assert not (await asyncio.to_thread(through.sync, *SMALL)).report.wrote
