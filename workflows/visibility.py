"""Workflow details and search attributes of a loop in the Temporal Web UI.

Search attributes are written only when they change, and only if the server has them registered: an
unknown one would fail the workflow task forever. The configuration hash, by which the fleet notices an
edited record, then goes into the memo, which needs no registration.
"""

from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from activities.search_attributes import (
        CONFIG_ATTRIBUTE,
        DRIFT_ATTRIBUTE,
        NAME_ATTRIBUTE,
        STATUS_ATTRIBUTE,
    )
    from fabrics.loop.loop import FabricLoop
    from fabrics.loop.record_exchange import RecordLink
    from fabrics.loop.workflow_details import render_details, render_final_details
    from fabrics.record.config import FabricConfig

_END_REASONS: Final = {
    RecordLink.DELETED: "its record was deleted",
    RecordLink.OTHER_OWNER: "another installation syncs it",
}


def update_visibility(loop: FabricLoop) -> None:
    """Update details and search attributes; only details show a running sync."""
    update_details(loop)
    update_search_attributes(loop)


def update_details(loop: FabricLoop) -> None:
    """Update the workflow details, which adds nothing to the history."""
    workflow.set_current_details(render_details(loop.status()))


def update_search_attributes(loop: FabricLoop) -> None:
    """Write search attributes, or the memo in their place, where they have changed."""
    config = loop.effective_config
    if config is None:
        return
    if loop.settings.has_search_attributes:
        _upsert_search_attributes(config, loop)
    elif workflow.memo_value(CONFIG_ATTRIBUTE.name, None) != config.hash:
        workflow.upsert_memo({CONFIG_ATTRIBUTE.name: config.hash})


def update_visibility_at_end(loop: FabricLoop) -> None:
    """Update both finally; a loop without a record loses its status attributes."""
    update_visibility(loop)
    if not loop.record.link.is_lost:
        return
    reason = _END_REASONS[loop.record.link]
    workflow.set_current_details(render_final_details(loop.status(), reason))
    if loop.settings.has_search_attributes:
        workflow.upsert_search_attributes(
            [STATUS_ATTRIBUTE.value_unset(), DRIFT_ATTRIBUTE.value_unset()]
        )


def _upsert_search_attributes(config: FabricConfig, loop: FabricLoop) -> None:
    values: dict[SearchAttributeKey[Any], object] = {
        NAME_ATTRIBUTE: config.name,
        STATUS_ATTRIBUTE: loop.last_known_status,
        CONFIG_ATTRIBUTE: config.hash,
        DRIFT_ATTRIBUTE: loop.last_known.drift_count or 0,
    }
    current = workflow.info().typed_search_attributes
    changes = [key.value_set(value) for key, value in values.items() if current.get(key) != value]
    if changes:
        workflow.upsert_search_attributes(changes)
