"""One question to a fabric, answered where the fabric can be reached.

The command line has no credentials of fabrics and may be far away from them; a worker on the fabric's
queue has both. So it starts one of these short workflows and waits for its answer. Both fail where no
worker takes the work.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fabrics.check import Check
    from fabrics.config import FabricConfig
    from fabrics.diff import DiffReport
    from workflows import calls


@workflow.defn
class Probe:
    """Compare a fabric's Git directory with what it runs, in every field."""

    @workflow.run
    async def run(self, config: FabricConfig) -> DiffReport:
        """Ask a worker on the fabric's queue."""
        return await calls.diff(config)


@workflow.defn
class Examination:
    """Try everything that a sync needs of a fabric: credentials, Git and Kubernetes."""

    @workflow.run
    async def run(self, config: FabricConfig) -> list[Check]:
        """Ask a worker on the fabric's queue."""
        return await calls.examine(config)
