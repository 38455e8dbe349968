"""What the demo tells people to look at and to try."""

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from activities.netbox import CLUSTER_TYPE
from stack.demo.running import Demo

COMMANDS: Final = (
    ("python starter.py status oslo-dc2", "what somebody changed there by hand"),
    ("python starter.py set-interval oslo-dc2 5", "takes effect at once"),
    ("python starter.py sync berlin-dc1", "now, and wait for the report"),
    ("python starter.py pause berlin-dc1 --reason upgrade", "`resume` goes on"),
    ("python starter.py history oslo-dc2", "when, how late, how long"),
    ("temporal workflow list", "one durable loop a fabric"),
    (
        "temporal workflow signal -w fabric-sync/oslo-dc2 --name sync_now",
        "the same without starter.py",
    ),
)


def guide(demo: Demo) -> RenderableType:
    """Where everything is, and commands for a second terminal."""
    return Group(_places(demo), "", _commands(demo), "")


def _places(demo: Demo) -> Table:
    netbox = demo.stack.netbox
    fabrics = f"{netbox.url}/virtualization/clusters/?type={CLUSTER_TYPE}"
    table = _grid()
    table.add_row("NetBox", fabrics)
    table.add_row("", f"user {netbox.user}, password {netbox.password}")
    table.add_row("Temporal", f"{demo.stack.temporal.ui_url}/namespaces/default/workflows")
    table.add_row("Git", f"{demo.git_url} (clone it, change a fabric, push)")
    return table


def _commands(demo: Demo) -> RenderableType:
    table = _grid()
    table.add_row(f"source {demo.env_file.name}", "every setting of this demo")
    for command, effect in COMMANDS:
        table.add_row(command, Text(effect, style="bright_black"))
    return Group("In a second terminal, from this folder (Ctrl-C here ends everything):", table)


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table
