"""The subcommands of `nas`, one file each."""

from experiments.commands import check, cost, export, predict, report, run, scale, zoo
from experiments.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    run.COMMAND,
    cost.COMMAND,
    scale.COMMAND,
    export.COMMAND,
    check.COMMAND,
    predict.COMMAND,
    zoo.COMMAND,
    report.COMMAND,
)

__all__ = ["COMMANDS", "Command"]
