"""The workflows of notification targets, which rounds tell the states of fabrics."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.errors import PermanentError, one_line
from activities.notifications.targets import load_targets
from fabrics.fleet.notifications import TargetState, notifications_workflow_id
from fabrics.fleet.states import FleetStates
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT

NOTIFICATIONS_WORKFLOW_TYPE: Final = "FabricNotifications"
"""The workflow type of a target; the class is in a higher layer."""


@dataclass(frozen=True)
class FleetAnnouncements:
    """The targets in `file`, if any, whose workflows run on `task_queue`."""

    client: Client
    task_queue: str
    file: Path | None

    async def announce(self, states: FleetStates, announced: str) -> tuple[str, list[str]]:
        """Tell each target the states, unless the round before told them the same.

        `announced` identifies targets and states of the round before. Returns that of this round, and problems.
        """
        if self.file is None:
            return "", []
        try:
            names = sorted(await asyncio.to_thread(load_targets, self.file))
            current = sha256(f"{names} {states.digest}".encode()).hexdigest()[:12]
            if current != announced:
                await asyncio.gather(*(self._signal(name, states) for name in names))
        except PermanentError as error:
            return announced, [str(error)]
        except RPCError as error:
            reason = one_line(error.message)
            return announced, [f"Temporal takes no states for notifications ({reason})."]
        return current, []

    async def _signal(self, name: str, states: FleetStates) -> None:
        """Tell a target's workflow the states, and start it if it does not run."""
        await self.client.start_workflow(
            NOTIFICATIONS_WORKFLOW_TYPE,
            TargetState(target=name),
            id=notifications_workflow_id(name),
            task_queue=self.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=f"remembers what {name} was told of fabrics",
            start_signal="states_changed",
            start_signal_args=[states],
        )
