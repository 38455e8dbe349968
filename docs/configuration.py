"""Write `docs/configuration.md` from the settings."""

import sys
from pathlib import Path
from typing import Any, Final

from platformdirs import user_cache_path
from pydantic import SecretStr
from pydantic.fields import FieldInfo

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python docs/configuration.py`

from settings import Settings

PAGE: Final = Path(__file__).with_suffix(".md")

INTRODUCTION: Final = """\
# Configuration

Settings of the worker and the command line are environment variables. The connection to Temporal is
configured as for the `temporal` command: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
... or its `temporal.toml`. What belongs to one fabric is in its NetBox record, where each field has a
help text.

`python docs/configuration.py` generates this page from `settings.py`.

| variable | default | meaning |
|---|---|---|
"""


def render() -> str:
    """Return the page."""
    return INTRODUCTION + "".join(
        f"| `FABRIC_SYNC_{name.upper()}` | {_default(field)} | {' '.join(str(field.description).split())} |\n"
        for name, field in Settings.model_fields.items()
    )


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value in ((), None) or isinstance(value, SecretStr):
        return ""
    if isinstance(value, Path):
        value = str(value).replace(str(user_cache_path()), "~/.cache")
    return f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(render())
