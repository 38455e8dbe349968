"""What the README says of settings and commands is what there is."""

import re
from pathlib import Path

from cli.app import app
from settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_table_names_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(FABRIC_SYNC_\w+)` \| `?([^`|]*?)`? \|", README, re.MULTILINE))
    assert rows.keys() == {f"FABRIC_SYNC_{name.upper()}" for name in Settings.model_fields}
    for name in ("netbox_heartbeat", "git_timeout", "concurrent_observes", "graceful_shutdown"):
        assert rows[f"FABRIC_SYNC_{name.upper()}"] == str(Settings.model_fields[name].default)


def test_every_command_is_named() -> None:
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "").replace("_", "-")
        assert re.search(rf"`?\b{name}\b", README), name
