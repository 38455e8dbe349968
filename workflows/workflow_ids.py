"""The rule that a workflow works only under the id of its work.

The id is the lock: by it a fabric has one loop, and its inventory one writer. But anyone may start a copy under another
id, for instance with "Start Workflow Like This One" in the Web UI.
"""

from temporalio import workflow
from temporalio.exceptions import ApplicationError


def check_workflow_id(expected: str, advice: str) -> None:
    """End this workflow as failed, for good, unless `expected` is its id.

    `advice` is a sentence on how to get what people start copies for.
    """
    actual = workflow.info().workflow_id
    if actual != expected:
        raise ApplicationError(
            f"Nothing was done: only the workflow with the id {expected} may do this, and this one is {actual}."
            f" {advice}",
            type="WrongWorkflowId",
            non_retryable=True,
        )
