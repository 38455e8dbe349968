"""The scripts in `docs/` that write pages."""

import importlib.util
from types import ModuleType

from tests.support.paths import PROJECT


def load_generator(page: str) -> ModuleType:
    """Return the script that writes a page, such as `configuration`."""
    spec = importlib.util.spec_from_file_location(page, PROJECT / "docs" / f"{page}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
