"""What the Temporal Web UI shows of a loop: details in words, search attributes to filter by.

Both are readable without this project's code. Search attributes are written only when they change,
and only where the server knows them: an unknown one would fail the workflow task for ever. The hash by
which the fleet tells that a record was edited then goes into the memo, which needs no registration.
"""

from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from activities.fleet import CONFIG, DRIFT, STATUS
    from fabrics.loop.loop import FabricLoop
    from fabrics.loop.workflow_details import last_words, markdown
    from fabrics.record.config import FabricConfig

NAME: Final = SearchAttributeKey.for_keyword("FabricName")
NO_STATUS_AT_THE_END: Final = "no status at the end"


def show(loop: FabricLoop) -> None:
    """Bring details and search attributes up to date. A sync that is running shows in the details alone."""
    workflow.set_current_details(markdown(loop.status()))
    config = loop.effective
    if config is None:
        return
    if loop.installation.search_attributes:
        _upsert(config, loop)
    else:
        _remember(config)


def show_end(loop: FabricLoop) -> None:
    """The same as the last thing. A fabric that the loop has lost is not to be found by the status it had."""
    show(loop)
    if not (loop.gone or loop.elsewhere):
        return
    why = "its record was deleted" if loop.gone else "another installation looks after it"
    workflow.set_current_details(last_words(loop.status(), why))
    # Loops of earlier releases ended without this, and are replayed when they are asked something.
    if loop.installation.search_attributes and workflow.patched(NO_STATUS_AT_THE_END):
        workflow.upsert_search_attributes([STATUS.value_unset(), DRIFT.value_unset()])


def _upsert(config: FabricConfig, loop: FabricLoop) -> None:
    wanted: list[SearchAttributeUpdate[Any]] = [
        NAME.value_set(config.name),
        STATUS.value_set(loop.settled_status),
        CONFIG.value_set(config.hash),
        DRIFT.value_set(loop.facts.drift_count or 0),
    ]
    known = workflow.info().typed_search_attributes
    changes = [update for update in wanted if known.get(update.key) != update.value]
    if changes:
        workflow.upsert_search_attributes(changes)


def _remember(config: FabricConfig) -> None:
    if workflow.memo_value(CONFIG.name, None) != config.hash:
        workflow.upsert_memo({CONFIG.name: config.hash})
