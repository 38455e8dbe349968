"""Fixtures for a real browser that is logged in to NetBox."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from stack.stack import Stack
from tests.support.system.browser import SCREEN

expect.set_options(timeout=20_000)
"""Milliseconds: the Web UI queries a worker, which is slow on a busy machine."""


@pytest.fixture
def chromium() -> str:
    """The path of Debian's Chromium, so that Playwright need not download a browser."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("There is no chromium here: `stack/set-up browser` installs it.")
    return path


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder for screenshots: that of `--pictures`, or a temporary one."""
    option: str | None = request.config.getoption("--pictures")
    folder = Path(option) if option else tmp_path / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
async def page(chromium: str, stack: Stack) -> AsyncIterator[Page]:
    """A page of a browser that is logged in to NetBox as its superuser."""
    # Chromium's sandbox does not work for root, which CI often is.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=options)
        page = await browser.new_page(viewport=SCREEN)
        await page.goto(f"{stack.netbox.url}/login/")
        await page.fill("#id_username", stack.netbox.user)
        await page.fill("#id_password", stack.netbox.password)
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{stack.netbox.url}/")
        yield page
        await browser.close()
