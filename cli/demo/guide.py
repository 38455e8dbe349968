"""The demo's guide: where everything is, and commands to try."""

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from activities.netbox.client import CLUSTER_TYPE_SLUG
from stack.demo.demo import Demo

COMMANDS: Final = (
    ("python starter.py status oslo-dc2", "what differs, and its health"),
    ("python starter.py diff oslo-dc2", "each difference, and how to end it"),
    ("kubectl --context oslo-dc2 get vpc research -o yaml", "the live fabric, if you have kubectl"),
    ("python starter.py accept oslo-dc2 gpu-loan-01 --reason loan", "a rule to commit to Git"),
    ("python starter.py diff oslo-dc2 --export live", "manifests to commit instead"),
    ("python starter.py inventory oslo-dc2 --cabling", "swapped cables, in a minute"),
    ("python starter.py sync berlin-dc1", "now, and wait for the report"),
    ("python starter.py set-interval oslo-dc2 5", "takes effect at once"),
    ("python starter.py pause berlin-dc1", "`resume` continues"),
    ("python starter.py history oslo-dc2", "when, how late, how long"),
    ("temporal workflow list", "one durable loop per fabric"),
    ("temporal workflow signal -w fabric-sync/oslo-dc2 --name sync_now", ""),
)
COMMAND_WIDTH: Final = max(len(command) for command, effect in COMMANDS if effect)


def render_guide(demo: Demo) -> RenderableType:
    """Render addresses, passwords, and commands for a second terminal."""
    source = (f"source {demo.env_file.name}", "every setting of this demo")
    return Group(
        _render_services(demo),
        Text("\nTo try in a second terminal, from this folder; Ctrl-C here ends everything:"),
        *(_render_command(command, effect) for command, effect in (source, *COMMANDS)),
        "",
    )


def _render_services(demo: Demo) -> Table:
    netbox = demo.stack.netbox
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("NetBox", f"{netbox.url}/virtualization/clusters/?type={CLUSTER_TYPE_SLUG}")
    table.add_row("", f"user {netbox.user}, password {netbox.password}")
    table.add_row("Temporal", f"{demo.stack.temporal.ui_url}/namespaces/default/workflows")
    table.add_row("Git", f"{demo.git_url}: clone it, change a fabric, push")
    return table


def _render_command(command: str, effect: str) -> Text:
    """A line that can be pasted into a shell, with the effect as a comment."""
    line = Text(f"  {command:<{COMMAND_WIDTH}}" if effect else f"  {command}", style="bold")
    return line.append(f"  # {effect}" if effect else "", style="not bold bright_black")
