"""A training step: forward through a network's blocks and back, and the update."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nas.train.devices import Devices
from nas.train.objective import loss_program
from nas.train.optimizer import knows_arrays, trusts
from nas.train.packing import Arrays
from nas.train.programs import (
    add_program,
    average_program,
    clip_program,
    dropout_program,
    multiply_program,
    update_program,
)
from nas.train.reading import input_program, reread_program
from nas.train.recipe import Recipe
from nas.train.step import Chain, Runner, State, Step
from nas.train.threads import Threads


@dataclass(frozen=True)
class Lesson:
    """A teacher's chain and the side of the pictures that it reads; how its outputs enter the loss (`objective`)."""

    chain: Chain
    side: int
    weight: float
    temperature: float


@dataclass(frozen=True)
class Plan:
    """What all steps of a training have in common; `side` is that of the pictures that the network reads."""

    chain: Chain
    recipe: Recipe
    side: int
    lesson: Lesson | None = None
    apart: Devices | Threads | None = None  # those whose batch norms see their own share of a batch alone


class Batch(NamedTuple):
    """What a step learns from."""

    images: Any  # (B, H, W, C) uint8
    labels: Any  # (B,) int32
    teacher: Any = ()  # weights and statistics of the lesson's chain


class _Found(NamedTuple):
    """What a batch, or a part of one, says of the weights."""

    loss: Any
    gradients: list[Any]  # in the order of the blocks that are not frozen
    statistics: list[Any]  # as they are afterwards


def take_step(plan: Plan, state: State, batch: Batch, step: Step) -> tuple[State, Any]:
    """State after one step on a batch, and its loss. The state given is used up."""
    recipe, run = plan.recipe, plan.chain.run
    side = batch.images.shape[1] if plan.lesson else plan.side  # a teacher sees whole pictures
    read = input_program(tuple(recipe.augment), recipe.accumulate, recipe.precision, side)
    parts = run(read, batch.images, batch.labels, step.seeds[-1], step.strength)
    steps = [step.part(index, len(parts)) for index in range(len(parts))]
    in_parts = _one_by_one if plan.chain.by_block or len(parts) == 1 else _as_loop
    found = in_parts(plan, state, parts, steps, batch.teacher)
    return _updated(plan, state, found, step), found.loss


def _one_by_one(plan: Plan, state: State, parts: list[Any], steps: list[Step], teacher: Any) -> _Found:
    """What the parts of a batch say together: the sums of losses and gradients."""
    run = plan.chain.run
    total = _differentiate(plan, state.weights, state.statistics, parts[0], steps[0], teacher)
    for part, step in zip(parts[1:], steps[1:], strict=True):
        found = _differentiate(plan, state.weights, total.statistics, part, step, teacher)
        gradients = [run(add_program(), *pair) for pair in zip(total.gradients, found.gradients, strict=True)]
        total = _Found(run(add_program(), total.loss, found.loss), gradients, found.statistics)
    return total


def _as_loop(plan: Plan, state: State, parts: list[Any], steps: list[Step], teacher: Any) -> _Found:
    """The same as a loop within one program, which is as large as for one part."""

    def body(total: _Found, part: Any) -> tuple[_Found, None]:
        pictures, step = part
        found = _differentiate(plan, state.weights, total.statistics, pictures, step, teacher)
        gradients = jax.tree.map(jnp.add, total.gradients, found.gradients)
        return _Found(total.loss + found.loss, gradients, found.statistics), None

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *zip(parts, steps, strict=True))
    trained = state.weights[plan.chain.frozen :]
    nothing = _Found(jnp.zeros(()), [jnp.zeros_like(vector) for vector in trained], list(state.statistics))
    total, _ = lax.scan(body, nothing, stacked)
    return total


def _differentiate(plan: Plan, weights: Any, statistics: Any, part: Any, step: Step, teacher: Any) -> _Found:
    """What a part of a batch says, of all devices together or as the mean of what their shares say."""
    if plan.apart is None:
        return _of_pictures(plan, plan.chain.run, weights, statistics, part, step, teacher)

    def own(run: Any, number: Any, split: Any, whole: Any) -> _Found:
        part, branches = split
        weights, statistics, step, teacher = whole
        return _of_pictures(plan, run, weights, statistics, part, step.share(number, branches), teacher)

    whole = weights, statistics, step._replace(branches=()), teacher
    found: _Found = plan.apart.mean_of_shares(plan.chain.run, own, (part, step.branches), whole)
    return found


def _of_pictures(plan: Plan, run: Runner, weights: Any, statistics: Any, part: Any, step: Step, teacher: Any) -> _Found:
    """Forward through the blocks, and back, by a runner that may be a share's own."""
    x, labels = part
    taught = _taught(plan, run, teacher, x)
    if x.shape[1] != plan.side:
        x = run(reread_program(plan.side, plan.recipe.precision), x)
    outputs, new, back = _forward(plan, run, weights, statistics, x, step)
    lesson = plan.lesson and (plan.lesson.weight, plan.lesson.temperature)
    objective = loss_program(plan.recipe.label_smoothing, plan.recipe.accumulate, lesson)
    loss, gradient = run(objective, outputs, labels, taught)
    gradients = []
    while back:  # what the forward programs kept is let go on the way
        backward, vjp, dropped = back.pop()
        own, gradient = run(backward, vjp, gradient)
        if dropped is not None and gradient is not None:
            gradient = run(multiply_program(), gradient, dropped)
        gradients.append(own)
    return _Found(loss, gradients[::-1], new)


def _forward(
    plan: Plan, run: Runner, weights: Any, statistics: Any, x: Any, step: Step
) -> tuple[Any, list[Any], list[Any]]:
    """Outputs, new statistics, and for each block that learns its way back: the program, what
    it needs of the forward one, and what dropout multiplied its input by, or None."""
    chain, rate = plan.chain, np.float32(plan.recipe.dropout) * step.strength
    new, back = [], []
    for index, block in enumerate(chain.blocks):
        dropped = None
        if plan.recipe.dropout and index == chain.classifier:
            dropped = run(dropout_program(), x, step.seeds[index], rate)
            x = run(multiply_program(), x, dropped)
        if index < chain.frozen:
            x, own = run(block.predict, weights[index], statistics[index], x), statistics[index]
        else:
            branches = step.branches[index] if step.branches else None
            x, own, vjp = run(block.forward, weights[index], statistics[index], step.seeds[index], branches, x)
            back.append((block.backward, vjp, dropped))
        new.append(own)
    return x, new, back


def _taught(plan: Plan, run: Runner, teacher: Any, x: Any) -> Any:
    """What the teacher, where there is one, says of the same pictures."""
    if plan.lesson is None:
        return None
    weights, statistics = teacher
    reread = run(reread_program(plan.lesson.side, "float32"), x)
    return replace(plan.lesson.chain, run=run).infer(weights, statistics, reread)


def _updated(plan: Plan, state: State, found: _Found, step: Step) -> State:
    recipe, run = plan.recipe, plan.chain.run
    clip = recipe.gradient_clip
    scale = run(clip_program(), found.gradients, np.float32(clip)) if clip else np.float32(1)
    frozen = plan.chain.frozen
    trained = (plan.chain.layouts[frozen:], state.weights[frozen:], found.gradients, state.moments[frozen:])
    updated = [
        run(_update(recipe, layout.weights), *vectors, *_places(recipe, layout.weights), step.rate, scale)
        for layout, *vectors in zip(*trained, strict=True)
    ]
    weights, moments = zip(*updated, strict=True)
    weights, moments = state.weights[:frozen] + weights, state.moments[:frozen] + moments
    news = (weights, tuple(found.statistics))[: len(state.average)]
    average = jax.tree.map(lambda old, new: run(average_program(), old, new, step.keep), state.average, news)
    return State(weights, tuple(found.statistics), moments, average)


def _update(recipe: Recipe, arrays: Arrays) -> Any:
    shapes = arrays if knows_arrays(recipe.optimizer) else None
    return update_program(recipe.optimizer, recipe.momentum, recipe.weight_decay, shapes)


def _places(recipe: Recipe, arrays: Arrays) -> tuple[Any, Any]:
    """How many of a vector's entries decay, and where its kernels end, for the optimizers that ask."""
    return np.int32(arrays.kernels), arrays.kernel_ends if trusts(recipe.optimizer) else None
