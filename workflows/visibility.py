"""What the Temporal Web UI shows of a loop: details in words, search attributes to filter by.

Both are readable without this project's code. Search attributes are written only when they change,
and only where the server knows them: an unknown one would fail the workflow task for ever. The hash by
which the fleet tells that a record was edited then goes into the memo, which needs no registration.
"""

from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from activities.search_attributes import (
        CONFIG_ATTRIBUTE,
        DRIFT_ATTRIBUTE,
        NAME_ATTRIBUTE,
        STATUS_ATTRIBUTE,
    )
    from fabrics.loop.loop import FabricLoop
    from fabrics.loop.record_link import RecordLink
    from fabrics.loop.workflow_details import render_details, render_final_details
    from fabrics.record.config import FabricConfig

_END_REASONS: Final = {
    RecordLink.DELETED: "its record was deleted",
    RecordLink.OTHER_OWNER: "another installation looks after it",
}


def update_visibility(loop: FabricLoop) -> None:
    """Bring details and search attributes up to date. A sync that is running shows in the details alone."""
    workflow.set_current_details(render_details(loop.status()))
    config = loop.effective_config
    if config is None:
        return
    if loop.installation.has_search_attributes:
        _upsert_search_attributes(config, loop)
    else:
        _upsert_config_hash_memo(config)


def update_visibility_at_end(loop: FabricLoop) -> None:
    """The same as the last thing. A fabric that the loop has lost is not to be found by the status it had."""
    update_visibility(loop)
    if not loop.record_link.is_lost:
        return
    why = _END_REASONS[loop.record_link]
    workflow.set_current_details(render_final_details(loop.status(), why))
    if loop.installation.has_search_attributes:
        workflow.upsert_search_attributes(
            [STATUS_ATTRIBUTE.value_unset(), DRIFT_ATTRIBUTE.value_unset()]
        )


def _upsert_search_attributes(config: FabricConfig, loop: FabricLoop) -> None:
    wanted: list[SearchAttributeUpdate[Any]] = [
        NAME_ATTRIBUTE.value_set(config.name),
        STATUS_ATTRIBUTE.value_set(loop.last_known_status),
        CONFIG_ATTRIBUTE.value_set(config.hash),
        DRIFT_ATTRIBUTE.value_set(loop.last_known.drift_count or 0),
    ]
    known = workflow.info().typed_search_attributes
    changes = [update for update in wanted if known.get(update.key) != update.value]
    if changes:
        workflow.upsert_search_attributes(changes)


def _upsert_config_hash_memo(config: FabricConfig) -> None:
    if workflow.memo_value(CONFIG_ATTRIBUTE.name, None) != config.hash:
        workflow.upsert_memo({CONFIG_ATTRIBUTE.name: config.hash})
