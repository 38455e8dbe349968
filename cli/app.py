"""The command line as a whole: its commands and their exit statuses.

A command that returns has succeeded (0). `typer.Exit` carries the state of what was looked at: 1 for drift,
stale or unhealthy. Every other exception becomes one sentence on stderr and exit status 2.
"""

import os
import sys
from typing import Final, NoReturn

import typer
from typer.exceptions import Abort, TyperException

from cli import console
from cli.commands import (
    add,
    adopt,
    demo,
    diff,
    doctor,
    enable_disable,
    history,
    inventory,
    loop,
    remove,
    setup,
    status,
    watch,
)
from cli.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, describe_error

app: Final = typer.Typer(
    name="starter.py",
    help="Keep Hedgehog fabrics and NetBox in sync. FABRIC is a name or a fabric id.",
    epilog="Exit status: 0 done or healthy; 1 drift, stale or unhealthy; 2 usage error or failure.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(demo.demo)
app.command()(setup.setup)
app.command()(add.add)
app.command()(enable_disable.enable)
app.command()(enable_disable.disable)
app.command()(status.status)
app.command()(watch.watch)
app.command()(loop.sync)
# A negative number is a wrong interval, not an unknown option.
app.command(context_settings={"ignore_unknown_options": True})(loop.set_interval)
app.command()(loop.pause)
app.command()(loop.resume)
app.command()(history.history)
app.command()(diff.diff)
app.command()(inventory.inventory)
app.command()(inventory.confirm_deletes)
app.command()(adopt.adopt)
app.command()(remove.remove)
app.command()(doctor.doctor)


def main() -> NoReturn:
    """Run the command in `sys.argv` and end the process with its exit status."""
    code = run(sys.argv[1:])
    _flush_output()
    # Temporal's client library may crash in its threads while the interpreter shuts down.
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    try:
        code = app(arguments or ["--help"], prog_name="starter.py", standalone_mode=False)
        return int(code or EXIT_OK)
    except TyperException as error:
        return _report_failure(_format_usage_error(error))
    except (KeyboardInterrupt, Abort):
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):  # Rich turns a broken pipe into an exit
        return EXIT_OK  # the reader of our output, such as `head`, has seen enough
    except Exception as error:
        return _report_failure(describe_error(error))


def _report_failure(sentence: str) -> int:
    console.print_error(sentence)
    return EXIT_FAILURE


def _format_usage_error(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "starter.py"
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{message} (see `{command} --help`)."


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue
