"""Names of Temporal task queues, all derived from one base queue."""


def temporal_queue(task_queue: str) -> str:
    """Return the queue for questions to Temporal, which need no slot of NetBox's."""
    return f"{task_queue}-temporal"


def observe_queue(task_queue: str) -> str:
    """Return the queue for reading fabrics; NetBox's worker slots are separate."""
    return f"{task_queue}-observe"


def catch_up_queue(queue: str) -> str:
    """Return the queue for fabrics that are late, which has a bounded rate."""
    return f"{queue}-catch-up"


def unresponsive_queue(queue: str) -> str:
    """Return the queue for fabrics that did not answer, with its own worker slots."""
    return f"{queue}-unresponsive"


def inventory_queue(queue: str) -> str:
    """Return the queue for writing inventories, with its own worker slots."""
    return f"{queue}-inventory"


def notification_queue(task_queue: str) -> str:
    """Return the queue for notifications: a target that hangs takes no other slot."""
    return f"{task_queue}-notifications"
