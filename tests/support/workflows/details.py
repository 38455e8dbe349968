"""What Temporal's Web UI shows of a workflow."""

from typing import Any

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle


async def read_details(workflow: WorkflowHandle[Any, Any]) -> str:
    """Return a workflow's current details, which are Markdown."""
    metadata: WorkflowMetadata = await workflow.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details
