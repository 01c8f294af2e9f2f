"""One member of the family, trained and scored."""

from experiments.context import Context
from experiments.stages.winner import train_and_test
from experiments.starting import some_pictures
from nas.errors import InputError
from nas.train import TrainingFailed
from nas.train.checkpoint import load_trained
from nas.train.names import network_arrays
from nas.train.transfer import Start
from scaling import Member
from scaling.grow import grow


def checkpoint_name(member: Member) -> str:
    """What a member's checkpoints are kept under."""
    return f"family-{member.name}"


def test_accuracy(context: Context, member: Member, smaller: str | None) -> float | None:
    """The member's accuracy once trained, None where its loss is no longer a number: the others go on.

    `smaller` is what the checkpoints of the network that it begins with are kept under.
    """
    name = checkpoint_name(member)
    recipe = context.experiment.scale.recipe
    result = context.folder.result(name)
    try:
        tested = result or context.folder.finish(
            name,
            train_and_test(context, name, member.name, member.architecture, recipe, _start(context, member, smaller)),
        )
    except TrainingFailed as error:
        context.progress.say(f"{member.name} cannot be trained: {error}")
        return None
    accuracy: float = tested["test_accuracy"]
    return accuracy


def _start(context: Context, member: Member, smaller: str | None) -> Start | None:
    """The smaller network's weights, widened and deepened to the member's; None where it begins with fresh ones."""
    if smaller is None:
        return None
    kept = load_trained(context.folder.checkpoints(smaller))
    pictures = some_pictures(context.dataset, kept.architecture.resolution)
    arrays = network_arrays(kept.network)
    try:
        grown = grow(kept.architecture, arrays, member.architecture, pictures, context.experiment.seed)
    except InputError as error:
        context.progress.say(f"{member.name} begins with fresh weights: {error}")
        return None
    context.progress.say(f"{member.name} begins with the weights of {smaller}: {grown}")
    return Start(smaller, grown.arrays)
