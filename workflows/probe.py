"""`Probe`: one question to a fabric, answered where the fabric can be reached.

The command line has no credentials of fabrics and may be far away from them; a worker on the fabric's
queue has both. So it starts this short workflow and waits for its answer.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fabrics.config import FabricConfig
    from fabrics.diff import DiffReport
    from workflows import calls


@workflow.defn
class Probe:
    """Compare a fabric's Git directory with what it runs, in every field."""

    @workflow.run
    async def run(self, config: FabricConfig) -> DiffReport:
        """Ask a worker on the fabric's queue. Fails where none takes the work."""
        return await calls.diff(config)
