"""How a planned inventory looks in a terminal: how much of what, and what is left out."""

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fabrics.inventory import Model, Preview

NAMES: Final = {
    Model.SITE: "Sites",
    Model.MANUFACTURER: "Manufacturers",
    Model.DEVICE_TYPE: "Device types",
    Model.DEVICE_ROLE: "Device roles",
    Model.PLATFORM: "Platforms",
    Model.VRF: "VRFs",
    Model.VLAN_GROUP: "VLAN groups",
    Model.VLAN: "VLANs",
    Model.DEVICE: "Devices",
    Model.INTERFACE: "Interfaces",
    Model.MAC_ADDRESS: "MAC addresses",
    Model.PREFIX: "Prefixes",
    Model.IP_RANGE: "IP ranges",
    Model.IP_ADDRESS: "IP addresses",
    Model.CABLE: "Cables",
}
"""Models as NetBox's menus call them."""


def preview_page(preview: Preview) -> RenderableType:
    """One line a model, then one for each thing that is left out."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    table.add_column("In NetBox", no_wrap=True)
    table.add_column("Objects", justify="right")
    for model, count in preview.counts.items():
        table.add_row(NAMES[Model(model)], f"{count:,}")
    table.add_section()
    table.add_row("All", f"{sum(preview.counts.values()):,}", style="bold")
    return Group(table, "", *_skipped(preview))


def _skipped(preview: Preview) -> list[RenderableType]:
    if not preview.skipped:
        return [Text("Nothing is left out.", style="bold")]
    lines = Table.grid(padding=(0, 2))
    lines.add_column(overflow="fold")
    lines.add_column(overflow="fold")
    for each in preview.skipped:
        lines.add_row(each.key, Text(each.reason, style="yellow"))
    return [Text(f"Left out: {len(preview.skipped)}.", style="bold"), lines]
