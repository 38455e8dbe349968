"""The fabric, workflow and run that lines of activities and workflows are about."""

import logging
from typing import override

from temporalio import activity, workflow


class ContextFilter(logging.Filter):
    """Adds the context to each record that is made in an activity or a workflow."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in _get_context().items():
            setattr(record, name, value)
        return True


def leave_out_temporal_context() -> None:
    """Keep Temporal's own loggers from adding the same to the message."""
    workflow.logger.workflow_info_on_message = workflow.logger.workflow_info_on_extra = False
    activity.logger.activity_info_on_message = activity.logger.activity_info_on_extra = False


def _get_context() -> dict[str, str]:
    if workflow.in_workflow():
        info = workflow.info()
        return _build_context(info.workflow_id, info.run_id)
    if activity.in_activity():
        details = activity.info()
        return _build_context(details.workflow_id or "", details.workflow_run_id or "")
    return {}


def _build_context(workflow_id: str, run_id: str) -> dict[str, str]:
    """Return the context; ids of workflows for one fabric end with its id."""
    fabric = {"fabric": workflow_id.partition("/")[2]} if "/" in workflow_id else {}
    return fabric | {"workflow_id": workflow_id, "run_id": run_id}
