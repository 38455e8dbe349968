"""The version under which Temporal knows the workers of one process, if any.

Every worker of a process has it, those of activities too: so a build that is not current takes no work at all, and
one that is rolled back takes its activities along. All workflows are auto-upgraded: a loop never ends, so one that is
pinned would need the worker of its first build for ever. Histories that replay make that safe.
"""

import logging

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from settings import Settings

log = logging.getLogger("fabric_sync.worker")


def build_deployment_config(settings: Settings) -> WorkerDeploymentConfig | None:
    """Return the version of all workers of this process; None if they have none."""
    if not settings.deployment_name:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def log_deployment(settings: Settings) -> None:
    """Say when a versioned worker gets work, as an idle one looks broken."""
    if settings.deployment_name:
        log.info(
            "These workers are build %s of the deployment %s, and get work while it is the current one: `temporal"
            " worker deployment set-current-version --deployment-name %s --build-id %s`.",
            settings.build_id,
            settings.deployment_name,
            settings.deployment_name,
            settings.build_id,
        )
