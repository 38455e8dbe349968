"""Names of Temporal task queues, all derived from one base queue."""


def observe_queue(task_queue: str) -> str:
    """The queue on which fabrics without one of their own are read: slots apart from NetBox's."""
    return f"{task_queue}-observe"


def unresponsive_queue(queue: str) -> str:
    """Where those fabrics of `queue` are read that keep silent: in slots that are in nobody's way."""
    return f"{queue}-unresponsive"


def inventory_queue(queue: str) -> str:
    """Where the inventories are written of fabrics that are read on `queue`: slots apart from reading."""
    return f"{queue}-inventory"
