"""A fabric that the command line has enabled."""

from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import Fabric


async def enable_and_sync(starter: CommandLine, fabric: Fabric) -> None:
    """Enable a fabric; return once it is in sync and no sync is requested.

    The sync that `enable` requests may be the second one: the loop does not wait for the request.
    """
    assert (await starter("enable", fabric.fabric_id)).code == 0
    await fabric.wait_for_status("in_sync")
    assert (await starter("sync", fabric.fabric_id)).code == 0
    await fabric.wait_for_status("in_sync")
