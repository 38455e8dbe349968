"""Each command as a process, with its own imports and its own end.

Other tests call commands in their own process, where everything is imported already. Those of `watch` and
`demo`, which run until they are interrupted, start processes, too.
"""

from cli.app import COMMANDS
from tests.support.cli.command_line import StarterProcess
from tests.support.system.installation import SERVERS, Installation, in_yaml


async def test_every_command_runs_as_a_process(installation: Installation) -> None:
    installation.overrides = {
        "FABRIC_SYNC_INVENTORY": "true",
        "FABRIC_SYNC_NETBOX_TOKEN": installation.stack.netbox.token,  # `setup` and `remove` need it
        "TEMPORAL_UI_URL": installation.stack.temporal.ui_url,
    }
    source = await installation.fabric({"fabric.yaml": in_yaml(SERVERS)}, SERVERS)
    name = f"Düsseldorf [{installation.queue}]"
    about = ("--kubernetes-server", source.api.server, "--git-repository", source.repository.url)
    starter, ran = StarterProcess(installation.variables), set()
    async with installation.worker():
        for command, arguments, code, text in (
            ("setup", (), 0, ""),
            ("add", (name, *about, "--credentials", source.fabric_id), 0, name),
            ("set-interval", (name, "3600"), 0, "disabled"),
            ("enable", (name,), 0, name),
            ("sync", (name, "--full"), 0, "in_sync"),  # it waits for the inventory
            ("status", (name,), 0, "in_sync"),
            ("history", (name,), 0, "median lateness"),
            ("diff", (name,), 0, "No drift"),
            ("diff", (name, "--export", "live"), 0, "kind: Server"),
            ("accept", (name, "server-1", "--reason", "none"), 2, "does not differ from Git"),
            ("inventory", (name, "--json"), 0, "up_to_date"),
            ("confirm-deletes", (name,), 2, "No deletes of"),
            ("adopt", (name,), 2, "Nothing is offered to"),
            ("take-over", (), 2, "Say from whom."),
            ("serve-codec", (), 2, "Nothing is encrypted"),
            ("pause", (name,), 0, "paused"),
            ("resume", (name,), 0, "in_sync"),
            ("doctor", (name,), 0, "Kubernetes"),
            ("notify", ("--test",), 2, "set FABRIC_SYNC_NOTIFICATIONS_FILE"),
            ("disable", (name,), 0, "disabled"),
            ("remove", (name, "--inventory", "--yes"), 0, "is removed"),
        ):
            result = await starter(command, *arguments)
            assert (result.code, text in result.out + result.err) == (code, True), result
            ran.add(command)
    assert ran == COMMANDS.keys() - {"watch", "demo"}
