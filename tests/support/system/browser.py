"""Settings of the browser that tests use for NetBox and the Temporal Web UI."""

from typing import Final

from playwright.async_api import ViewportSize

SCREEN: Final[ViewportSize] = {"width": 1440, "height": 860}
