"""The subcommands of `nas`, one file each."""

from experiments.commands import calibrate, check, cost, devices, export, predict, report, run, scale, train, zoo
from experiments.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    run.COMMAND,
    train.COMMAND,
    cost.COMMAND,
    scale.COMMAND,
    export.COMMAND,
    check.COMMAND,
    predict.COMMAND,
    zoo.COMMAND,
    devices.COMMAND,
    calibrate.COMMAND,
    report.COMMAND,
)

__all__ = ["COMMANDS", "Command"]
