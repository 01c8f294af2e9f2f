"""The subcommands of `nas`, one file each."""

from experiments.commands import (
    calibrate,
    check,
    cost,
    devices,
    export,
    front,
    import_,
    predict,
    qat,
    quantization,
    report,
    run,
    scale,
    train,
    winner,
    zoo,
)
from experiments.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    run.COMMAND,
    train.COMMAND,
    cost.COMMAND,
    scale.COMMAND,
    import_.COMMAND,
    export.COMMAND,
    check.COMMAND,
    quantization.COMMAND,
    qat.COMMAND,
    predict.COMMAND,
    zoo.COMMAND,
    devices.COMMAND,
    calibrate.COMMAND,
    report.COMMAND,
    winner.COMMAND,
    front.COMMAND,
)

__all__ = ["COMMANDS", "Command"]
