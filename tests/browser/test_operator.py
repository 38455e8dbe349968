"""Pages of NetBox and the Temporal Web UI as operators use them in a browser.

The pictures in `docs/` come from here: `.venv/bin/pytest tests/browser --pictures docs/pictures`.
"""

import asyncio
import re
import sys
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.async_api import Page, expect
from rich.console import Console
from rich.text import Text

from activities.netbox.client import CLUSTER_TYPE_SLUG, CLUSTER_TYPES_PATH, NetBox
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import workflow_id
from tests.support.paths import PROJECT
from tests.support.system.browser import FIND_BROKEN_WORDS, NARROW_SCREEN, SCREEN
from tests.support.system.fleet import journal, request_round
from tests.support.system.installation import (
    INVENTORY,
    Fabric,
    Installation,
    in_yaml,
    manifest,
    wait_until,
)

UNREACHABLE = "https://127.0.0.1:1"
RESEARCH = {
    "ipv4Namespace": "default",
    "vlanNamespace": "default",
    "subnets": {"default": {"subnet": "10.0.1.0/24", "gateway": "10.0.1.1", "vlan": 1001}},
}
OBJECTS = [
    *(manifest("Server", f"server-{n:02}", {"description": f"rack {n}"}) for n in range(1, 8)),
    manifest("VPC", "research", RESEARCH, "vpc"),
]
IN_GIT = {"fabric.yaml": in_yaml(OBJECTS)}
BY_HAND = manifest("Server", "server-02", {"description": "moved to rack 9"})
ON_LOAN = manifest("Server", "gpu-loan-01", {"description": "until June"})


def wired() -> list[dict[str, Any]]:
    """Return `OBJECTS` with two leaves, cables to all servers, and a VPC attachment."""
    leaves = ("leaf-01", "leaf-02")
    switches = [
        manifest(
            "Switch", leaf, {"role": "server-leaf", "profile": "vs", "vlanNamespaces": ["default"]}
        )
        for leaf in leaves
    ]
    cables = [
        manifest(
            "Connection",
            f"server-{n:02}--{leaf}",
            {
                "unbundled": {
                    "link": {
                        "server": {"port": f"server-{n:02}/eth{side}"},
                        "switch": {"port": f"{leaf}/E1/{n}"},
                    }
                }
            },
        )
        for n in range(1, 8)
        for side, leaf in enumerate(leaves)
    ]
    namespace = manifest("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]})
    attached = {"connection": "server-01--leaf-01", "subnet": "research/default"}
    attachment = manifest("VPCAttachment", "research--server-01", attached, "vpc")
    return [*OBJECTS, *switches, *cables, namespace, attachment]


async def three_fabrics(installation: Installation) -> list[Fabric]:
    """Create three fabrics: in sync, drifted by manual changes, and unreachable."""
    drifted = [*OBJECTS[:1], BY_HAND, *OBJECTS[2:], ON_LOAN]
    berlin = await installation.named_fabric("berlin-dc1", IN_GIT, OBJECTS)
    oslo = await installation.named_fabric("oslo-dc2", IN_GIT, drifted, hh_sync_interval=3600)
    lyon = await installation.named_fabric(
        "lyon-edge", IN_GIT, (), hh_kubernetes_server=UNREACHABLE
    )
    (lyon.credential / "server").write_text(UNREACHABLE)
    return [berlin, oslo, lyon]


async def details(page: Page, installation: Installation, loop: str) -> str:
    """Load a workflow's details in the Web UI; return their text, if any."""
    namespace = f"{installation.stack.temporal.ui_url}/namespaces/default/workflows"
    run = (await installation.client.get_workflow_handle(loop).describe()).run_id
    await page.goto(f"{namespace}/{quote(loop, safe='')}/{run}/user-metadata")
    shown = page.frame_locator("iframe").last.locator("body")
    try:
        await expect(shown).to_contain_text("Last")
    except AssertionError:  # no worker answered the Web UI in time: it has to be loaded again
        return ""
    return await shown.inner_text()


async def test_operator_sees_three_fabrics_in_netbox_and_the_web_ui(
    installation: Installation, page: Page, pictures: Path
) -> None:
    installation.overrides |= INVENTORY
    fabrics = await three_fabrics(installation)
    berlin, oslo, lyon = fabrics
    async with installation.worker():
        await berlin.wait_for_status("in_sync")
        await oslo.wait_for_status("out_of_sync")
        await lyon.wait_for_status("error")
        await check_netbox_filters_fabrics_by_status(installation, page, pictures, oslo, lyon)
        await check_drifted_device_says_so_on_its_page(installation, page, pictures, oslo)
        await check_web_ui_finds_fabrics_and_shows_the_fleet(installation, page, pictures, fabrics)
        await check_edit_in_the_form_appears_in_the_web_ui(installation, page, pictures, oslo)


async def check_netbox_filters_fabrics_by_status(
    installation: Installation, page: Page, pictures: Path, oslo: Fabric, lyon: Fabric
) -> None:
    table = f"{installation.stack.netbox.url}/virtualization/clusters/"
    views = {
        row["name"]: row["id"]
        for path in ("extras/saved-filters", "extras/table-configs")
        for row in installation.admin.list_rows(path)
    }

    async def names(parameters: str) -> list[str]:
        columns = f"tableconfig_id={views['Hedgehog fabrics']}"
        await page.goto(f"{table}?{parameters}&{columns}")
        return await page.locator("tbody tr td:nth-child(2)").all_inner_texts()

    assert await names(f"filter_id={views['Fabrics with drift']}") == ["oslo-dc2"]
    await page.screenshot(path=pictures / "netbox-drift.png")
    assert await names(f"filter_id={views['Fabrics in error']}") == ["lyon-edge"]
    await page.screenshot(path=pictures / "netbox-error.png")
    for screen in (NARROW_SCREEN, SCREEN):
        await page.set_viewport_size(screen)
        await page.goto(f"{table}?type=hedgehog-fabric&tableconfig_id={views['Hedgehog fabrics']}")
        rows = page.locator("#object_list table")
        assert await rows.evaluate("table => table.offsetWidth <= table.parentElement.clientWidth")
    for status in ("In sync", "Out of sync", "Error"):
        await expect(page.locator(".badge", has_text=status).first).to_be_visible()
    await page.screenshot(path=pictures / "netbox-fabrics.png")
    for screen in (NARROW_SCREEN, SCREEN):
        await page.set_viewport_size(screen)
        await page.goto(f"{table}{oslo.record_id}/")
        report = page.locator(".rendered-markdown", has_text="Server gpu-loan-01")
        assert await report.evaluate(FIND_BROKEN_WORDS) == []
    await page.screenshot(path=pictures / "netbox-fabric.png", full_page=True)
    entries = await wait_until(partial(journal, lyon), bool)
    await page.goto(f"{table}{lyon.record_id}/journal/")
    _, sentence = entries[0].split(" UTC. ")  # before that it has Markdown
    await expect(page.get_by_text(sentence.replace("\\", "")[:40])).to_be_visible()
    await page.screenshot(path=pictures / "netbox-journal.png")
    await page.goto(f"{table}{oslo.record_id}/")
    link = page.get_by_role("link", name="Temporal workflow")
    target = await link.get_attribute("href")
    assert target is not None
    await page.goto(target)
    await expect(page.get_by_role("heading", name="fabric-sync/oslo-dc2")).to_be_visible()


async def check_drifted_device_says_so_on_its_page(
    installation: Installation, page: Page, pictures: Path, oslo: Fabric
) -> None:
    await oslo.sync_fully()  # the second sync that finds it
    saved = next(
        row["id"]
        for row in installation.admin.list_rows("extras/saved-filters")
        if row["slug"] == "drifted-objects"
    )
    devices = f"{installation.stack.netbox.url}/dcim/devices/"
    await page.goto(f"{devices}?filter_id={saved}&cf_hh_fabric={oslo.fabric_id}")
    await expect(page.get_by_role("link", name="server-01", exact=True)).to_have_count(0)
    await page.get_by_role("link", name="server-02", exact=True).click()
    await expect(page.get_by_text("Differs from Git since ")).to_be_visible()
    await page.screenshot(path=pictures / "netbox-drifted-device.png", full_page=True)


async def check_web_ui_finds_fabrics_and_shows_the_fleet(
    installation: Installation, page: Page, pictures: Path, fabrics: list[Fabric]
) -> None:
    berlin, oslo, lyon = fabrics
    loops = f"{installation.stack.temporal.ui_url}/namespaces/default/workflows"
    for query, found in (
        ('FabricStatus="error"', lyon),
        ('FabricName="berlin-dc1"', berlin),
        ("FabricDrift > 0", oslo),
    ):
        running = f'{query} AND ExecutionStatus="Running"'
        await page.goto(f"{loops}?query={quote(running)}")
        for fabric in (berlin, oslo, lyon):
            row = page.get_by_role("link", name=workflow_id(fabric.fabric_id))
            await expect(row).to_have_count(1 if fabric is found else 0)
    await page.screenshot(path=pictures / "temporal-loops.png")
    await request_round(installation)

    states = "1 error, 1 in_sync, 1 out_of_sync"
    shown = await wait_until(
        partial(details, page, installation, FLEET_WORKFLOW_ID), lambda text: states in text
    )
    assert "lyon-edge: The Kubernetes API at" in shown
    await page.screenshot(path=pictures / "temporal-fleet.png")
    await save_terminal(installation, pictures / "status.svg", "status")
    await save_terminal(installation, pictures / "history.svg", "history", "berlin-dc1")
    await save_terminal(installation, pictures / "doctor.svg", "doctor", "berlin-dc1")


async def check_edit_in_the_form_appears_in_the_web_ui(
    installation: Installation, page: Page, pictures: Path, oslo: Fabric
) -> None:
    netbox = installation.stack.netbox.url
    await oslo.wait_for_inventory_in_record()
    await page.goto(f"{netbox}/virtualization/clusters/{oslo.record_id}/edit/")
    await page.locator("#id_cf_hh_sync_interval").scroll_into_view_if_needed()
    await page.fill("#id_cf_hh_sync_interval", "60")
    await page.set_viewport_size({**SCREEN, "height": 2050})  # with all of the fields
    await page.screenshot(path=pictures / "netbox-form.png")
    await page.set_viewport_size(SCREEN)
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url(f"{netbox}/virtualization/clusters/{oslo.record_id}/")

    shown = await wait_until(
        partial(details, page, installation, workflow_id(oslo.fabric_id)),
        lambda text: "every 60 s" in text and "oslo-dc2 is out of sync" in text,
    )
    assert re.search(r"Next sync: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", shown)
    assert "extra: Server gpu-loan-01" in shown
    await page.screenshot(path=pictures / "temporal-loop.png")


async def test_clusters_from_the_form_are_synced(
    installation: Installation, admin: NetBox, page: Page
) -> None:
    api = installation.start_api()
    api.apply_all(OBJECTS)
    repository = installation.stack.git.create_repository("by-hand")
    repository.commit(IN_GIT)
    clusters = f"{installation.stack.netbox.url}/virtualization/clusters/"
    kind = next(
        row["id"] for row in admin.list_rows(CLUSTER_TYPES_PATH) if row["slug"] == CLUSTER_TYPE_SLUG
    )

    async def type_in(name: str, git: str) -> None:
        """Enter only the fields that a person needs."""
        api.write_credential(installation.folder / "credentials" / name.lower())
        await page.goto(f"{clusters}add/?type={kind}")
        await page.fill("#id_name", name)
        await page.fill("#id_cf_hh_kubernetes_server", api.server)
        await page.fill("#id_cf_hh_git_repository", git)
        await page.locator(".ts-wrapper:has(#id_cf_hh_sync_enabled-ts-control)").click()
        await page.get_by_role("option", name="True").click()
        await page.get_by_role("button", name="Create", exact=True).click()
        await page.wait_for_url(re.compile(r"/clusters/\d+/$"))

    async def loops() -> set[str]:
        query = "WorkflowType = 'FabricSync' AND ExecutionStatus = 'Running'"
        return {loop.id async for loop in installation.client.list_workflows(query)}

    async def statuses() -> dict[str, str | None]:
        rows = await asyncio.to_thread(admin.list_records)
        return {
            row["name"]: (row["custom_fields"]["hh_sync_status"] or {}).get("value") for row in rows
        }

    async with installation.worker():
        for name in ("Bergen", "Malmo"):
            await type_in(name, repository.url)
        await type_in("Turku", "")
        expected = {workflow_id(fabric_id) for fabric_id in ("bergen", "malmo", "turku")}
        await wait_until(loops, lambda found: found == expected)
        await wait_until(
            statuses,
            lambda found: (
                found == {"Bergen": "in_sync", "Malmo": "in_sync", "Turku": "inventory_only"}
            ),
        )


async def test_netbox_has_the_live_inventory(
    installation: Installation, page: Page, pictures: Path
) -> None:
    objects = wired()
    git = {"fabric.yaml": in_yaml(objects)}
    hanover = await installation.named_fabric("hanover-dc4", git, objects)
    netbox = installation.stack.netbox.url
    async with installation.worker(**INVENTORY):
        await hanover.wait_for_status("in_sync")
        await hanover.wait_for_inventory()
        await page.goto(f"{netbox}/dcim/devices/?cf_hh_fabric=hanover-dc4")
        await expect(page.locator("tbody tr")).to_have_count(9)
        await page.get_by_role("link", name="leaf-01", exact=True).click()
        await page.wait_for_url(re.compile(r"/dcim/devices/\d+/$"))
        await page.goto(f"{page.url}interfaces/")
        port = page.locator("tbody tr", has=page.get_by_role("link", name="E1/1", exact=True))
        await expect(port).to_contain_text("server-01")
        await page.screenshot(path=pictures / "netbox-ports.png")
        await port.get_by_role("link", name="E1/1", exact=True).click()
        await expect(page.get_by_text("research/default").first).to_be_visible()


async def save_terminal(installation: Installation, picture: Path, *arguments: str) -> None:
    """Save the output of a command in a terminal as a picture."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("starter.py", *arguments),
        cwd=PROJECT,
        env=installation.variables | {"FORCE_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    shown, _ = await process.communicate()
    assert shown
    screen = Text.from_ansi(f"$ starter.py {' '.join(arguments)}\n\n{shown.decode()}")
    width = max(110, *map(len, screen.plain.splitlines()))
    terminal = Console(record=True, width=width, file=StringIO())
    terminal.print(screen)
    terminal.save_svg(str(picture), title="Fabric Sync")
