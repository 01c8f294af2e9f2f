"""Stage: the winner, trained from scratch for longer and scored on the test split."""

import shlex
from typing import Any

import yaml

from experiments.context import Context
from experiments.evaluation import write_evaluation
from experiments.run_folder import RunFolder
from nas.architecture import Architecture
from nas.errors import InputError
from nas.files import write_text
from nas.network import Network
from nas.search.record import Record
from nas.trace import trace
from nas.train import Recipe, TrainingFailed
from nas.train.checkpoint import load_trained
from nas.train.distillation import Teacher
from nas.train.transfer import Start

CHECKPOINT = "winner"
WINNER = "winner.yaml"


def write_winner(context: Context, record: Record) -> None:
    """Writes winner.yaml: the architecture, why it won, and what to do with it."""
    folder = context.folder.path
    file = shlex.quote(str(folder / "winner.yaml"))
    content = {
        "name": f"{context.experiment.name}-winner",
        "architecture": record.architecture.text,
        "trial": record.number,
        "digest": record.digest,
        "validation_accuracy": record.accuracy,
        "latency_ms": record.facts.latency_ms,
        "evidence": context.evidence,
        "params": record.facts.params,
        "macs": record.facts.macs,
        "objectives": {one.name: one.value(record.facts, record.scores) for one in context.objectives},
        "how": {
            "cost": f"nas cost {file}",
            "scale": f"nas scale {file} --to b0..b7",
            "export": f"nas export {shlex.quote(str(folder))} --format int8 --out model.tflite",
        },
    }
    write_text(context.path(WINNER), dump_yaml(content))


def train_and_test(
    context: Context,
    name: str,
    title: str,
    architecture: Architecture,
    recipe: Recipe,
    start: Start | None = None,
    teacher: Teacher | None = None,
) -> dict[str, Any]:
    """Trains one network to the end; the accuracies (0 to 1) after its best epoch in validation, history and seconds.

    Raises `TrainingFailed` where the loss is no longer a number.
    """
    with context.progress.task(title, recipe.epochs) as task:
        trained = context.train(
            name,
            architecture,
            recipe,
            lambda e: task.update(
                e.epoch, f"loss {e.loss:.3f} validation {e.validation_accuracy:.2%} {e.images_per_second:,.0f} images/s"
            ),
            start=start,
            teacher=teacher,
        )
    dataset, folder = context.sized(architecture.resolution), context.folder.checkpoints(name)
    best = load_trained(folder)
    evaluation = write_evaluation(folder, best.network, dataset.test, dataset.classes)
    tested = evaluation["top1"]
    said = f"{tested:.2%} on {len(dataset.test.labels)} test pictures"
    context.progress.say(f"{title}: {said} after epoch {best.epoch}, as good as any in validation")
    return {
        "best_epoch": best.epoch,
        "validation_accuracy": best.history[-1]["validation_accuracy"],
        "test_accuracy": tested,
        "evaluation": evaluation,
        "epochs": recipe.epochs,
        "seconds": trained.seconds,
        "history": [
            {"epoch": e.epoch, "train_loss": e.loss, "validation_accuracy": e.validation_accuracy}
            for e in trained.history
        ],
    }


def train_winner(context: Context, record: Record) -> dict[str, Any]:
    """Trains and scores the winner; its part of metrics.json. Raises `InputError` where it cannot be trained."""
    try:
        recipe, teacher = context.experiment.train.recipe, context.teacher
        tested = train_and_test(context, CHECKPOINT, "winner", record.architecture, recipe, teacher=teacher)
    except TrainingFailed as error:
        where = context.experiment.where("train", "learning_rate")
        raise InputError(f"{where}: the winner cannot be trained: {error}; expected a lower one") from error
    return _describe(context, record, tested)


def load_winner(folder: RunFolder) -> Network:
    """The trained winner as it was tested: after its best epoch in validation; earlier versions took the last."""
    tested = folder.result(CHECKPOINT) or {}
    return load_trained(folder.checkpoints(CHECKPOINT), best="best_epoch" in tested).network


def _describe(context: Context, record: Record, tested: dict[str, Any]) -> dict[str, Any]:
    """What the winner is, what it costs stage by stage, how well it does."""
    traced = trace(record.architecture)
    costs = {layer.name: layer.ms for layer in context.device.latency(traced).layers}
    lines = _options(record.architecture)
    return {
        "trial": record.number,
        "digest": record.digest,
        "architecture": record.architecture.text,
        "params": record.facts.params,
        "macs": record.facts.macs,
        "latency_ms": record.facts.latency_ms,
        "evidence": context.evidence,
        "search_accuracy": record.accuracy,
        **tested,
        "stages": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "options": lines[layer.name.split(".")[0]],
                "in_shape": list(layer.block.in_shape),
                "out_shape": list(layer.block.out_shape),
                "params": layer.block.params,
                "macs": layer.block.macs,
                "latency_ms": costs.get(layer.name),  # a device that measures knows the whole alone
            }
            for layer in traced.layers
        ],
    }


def _options(architecture: Architecture) -> dict[str, str]:
    """Each line's options as text, by the part of the network that it makes."""
    count: dict[str, int] = {}
    options = {}
    for layer in architecture.layers:
        count[layer.part] = count.get(layer.part, 0) + 1
        options[f"{layer.part}{count[layer.part]}"] = " ".join(str(layer).split()[2:])
    return options


def dump_yaml(content: dict[str, Any]) -> str:
    """YAML in which texts of several lines stay readable."""

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return str(yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000))
