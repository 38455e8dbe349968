"""The command line as a whole: its commands and their exit statuses.

A command that returns has succeeded (0). `typer.Exit` carries the state of what was looked at: 1 for drift,
stale or unhealthy. Every other exception becomes one sentence on stderr and exit status 2.
"""

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, NoReturn, cast, override

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException

from cli import console
from cli.exit_codes import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK
from cli.program import Version, program_name

HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}

COMMANDS: Final = {
    "demo": "Try everything on this machine: NetBox, Temporal, Git and three fabrics.",
    "setup": "Prepare NetBox and Temporal; whatever exists already stays.",
    "add": "Add a fabric to NetBox; with --enable, start its loop, too.",
    "enable": "Enable the sync of fabrics, and sync them at once.",
    "disable": "Disable the sync of fabrics. Nothing is deleted.",
    "take-over": "Take over all fabrics of a former installation, and start their loops.",
    "status": "Show the status of all fabrics, or of those that are named.",
    "watch": "Show what `status` shows, live until Ctrl-C; with --json, one line per update.",
    "sync": "Sync a fabric now, and show the result.",
    "set-interval": "Sync a fabric every SECONDS seconds from now on.",
    "pause": "Pause a fabric's syncs until a time, or until it is resumed.",
    "resume": "Resume a paused fabric, on the same slots.",
    "history": "Show a fabric's last syncs: when, why, how late, how long, and what they found.",
    "diff": "Show what differs between Git and a fabric, or between files.",
    "accept": "Print a rule that accepts a difference, to be committed to Git. Writes nothing.",
    "inventory": "Show a fabric's inventory, what a sync would write, or a plan from a file.",
    "confirm-deletes": "Show the deletes that wait for confirmation, ask, and carry them out.",
    "adopt": "Adopt and update tagged objects that conflict with a fabric's inventory.",
    "remove": "Delete a fabric: its loop, its record and, with --inventory, its inventory.",
    "notify": "Show what the targets of notifications were told; with --test, test them.",
    "serve-codec": "Decrypt what Temporal's Web UI shows, until Ctrl-C.",
    "doctor": "Check NetBox, Temporal, the workers, and FABRIC if it is named.",
}
"""The first sentence of each command's help, by name."""

MODULES: Final = {
    "add": "lifecycle.add",
    **dict.fromkeys(("enable", "disable"), "lifecycle.enable_disable"),
    "take-over": "lifecycle.take_over",
    "remove": "lifecycle.remove",
    **dict.fromkeys(("sync", "set-interval", "pause", "resume"), "loop"),
    "confirm-deletes": "inventory",
    "serve-codec": "serve_codec",
}
"""The modules in `cli.commands` that are not called as their command.

They are imported when their commands are called: together they take a second.
"""


class CommandGroup(TyperGroup):
    """The commands, each of which is loaded when it is called."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  what Typer passes
        """Take what the help shows of each command; the rest is loaded later."""
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name else command, rest


def load_command(name: str) -> TyperCommand:
    """Import a command and return it as the command line runs it."""
    module = import_module(f"cli.commands.{MODULES.get(name, name)}")
    function = getattr(module, name.replace("-", "_"))
    single = typer.Typer(add_completion=False)
    # A negative number is an invalid interval, not an unknown option.
    options = {"ignore_unknown_options": True} if name == "set-interval" else {}
    single.command(name, context_settings=HELP_OPTIONS | options)(function)
    return cast(TyperCommand, typer.main.get_command(single))


app: Final = typer.Typer(
    name="starter.py",
    cls=CommandGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=HELP_OPTIONS,
)


@app.callback(
    epilog="Exit status: 0 done or healthy; 1 drift, stale or unhealthy; 2 usage error or failure.",
    help="Keep Hedgehog fabrics and NetBox in sync. FABRIC is a name or a fabric id.",
)
def starter(*, version: Version = False) -> None:
    """Group the commands."""


def main() -> NoReturn:
    """Run the command in `sys.argv` and end the process with its exit status."""
    code = run(sys.argv[1:])
    _flush_output()
    # Temporal's client library may crash in its threads while the interpreter shuts down.
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    try:
        program = program_name("starter.py")
        code = app(arguments or ["--help"], prog_name=program, standalone_mode=False)
        return int(code or EXIT_OK)
    except TyperException as error:
        return _report_failure(_format_usage_error(error))
    except (KeyboardInterrupt, Abort):
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):  # Rich turns a broken pipe into an exit
        return EXIT_OK  # the reader of our output, such as `head`, has seen enough
    except Exception as error:
        from cli.errors import describe_error  # noqa: PLC0415  most commands end well

        return _report_failure(describe_error(error))


def _report_failure(sentence: str) -> int:
    console.print_error(sentence)
    return EXIT_FAILURE


def _format_usage_error(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else program_name("starter.py")
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{message} (see `{command} --help`)."


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
