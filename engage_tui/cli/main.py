"""`engage-tui`: the commands, and the one place where errors become words and exit codes."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from typing import Any

import click

from engage_tui.errors import EngageError

INTERRUPTED = 130

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Our products of matrices are so small that a second thread spends eight times what it saves, waiting."""

_COMMANDS = {
    "join": "Join a room.",
    "demo": "See it all without a device or a network.",
    "serve": "Run a room server.",
    "view": "Play a file, a camera or a test picture in this terminal.",
    "doctor": "Say what this terminal and machine can do.",
    "devices": "List microphones, speakers and cameras.",
    "create-token": "Make an access token.",
}


class _Commands(click.Group):
    """Commands whose modules are imported when they are called, so that each starts as fast as it can."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"engage_tui.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from engage_tui import __version__

        click.echo(f"engage-tui {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    callback=_version,
    expose_value=False,
    is_eager=True,
    help="Show the version.",
)
def cli() -> None:
    """Video calls in a terminal, with people in browsers and other terminals.

    Try `engage-tui demo`, or run `engage-tui serve` and join it with `engage-tui join hall`.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    for (
        name,
        value,
    ) in ONE_THREAD.items():  # before numpy is imported, and for the processes that are started
        os.environ.setdefault(name, value)
    if sys.stdout.isatty():
        # A terminal says itself how large it is, also when that changes; what was exported is another's size.
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)
    signal.signal(signal.SIGTERM, _terminated)  # until a command has a handler of its own
    code = run(arguments)
    logging.shutdown()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        code = code or 1  # nobody reads what was said last
    # Everything that matters is closed by now. Native libraries' threads and their teardown at interpreter exit
    # must neither delay the end nor crash it.
    os._exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run a command; every error becomes words on stderr.

    Returns:
        The exit code: see `engage_tui.errors`.
    """
    try:
        result: Any = cli.main(arguments, prog_name="engage-tui", standalone_mode=False)
    except EngageError as error:
        say(error.message, error.hint)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the top of the program: a bug becomes words and a log entry
        return _bug(error)
    return result if isinstance(result, int) else 0


def _terminated(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def say(message: str, hint: str = "") -> None:
    """Tell a person on stderr what happened and what to do."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    console.print(Text(message, style="bold red"), soft_wrap=True)
    if hint:
        console.print(Text(hint), soft_wrap=True)


def _bug(error: Exception) -> int:
    from engage_tui.log import log_path, setup

    setup("crash")
    logging.getLogger("engage_tui").error("a bug", exc_info=error)
    say(f"This is a bug: {type(error).__name__}: {error}", f"Details are in {log_path()}")
    return 1
