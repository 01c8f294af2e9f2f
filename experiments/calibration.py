"""Which architectures a calibration measures, and measuring them: first all files, then all runs."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

import numpy as np

from experiments.measurements import FIT, HELD_OUT, Measurements
from experiments.untrained import model_file
from nas.architecture import Architecture
from nas.errors import InputError
from nas.latency.measuring import Measurement, MeasurementFailed, MeasuringDevice
from search_spaces import SearchSpace

ATTEMPTS_BEFORE_END = 20_000  # at architectures not seen before
DRAWS_OF_EACH = 50  # in a space so small that all of it may have been seen
FAILURES_BEFORE_END = 3  # in a row: the next would fail, too; the very first is enough
MAY_FAIL = 0.05  # of all: some networks a device cannot run

Wanted = dict[str, list[Architecture]]  # by split


def chosen(
    space: SearchSpace, samples: int, held_out: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Wanted:
    """`samples` architectures that cover the space, to fit on, and `held_out` others at random, to judge by.

    `progress` is told how many steps of how many are done. Raises `InputError` where the space holds too few.
    """
    from search_spaces.cover import covering

    fitted = list(covering(space, samples, seed, progress))
    others = list(islice(_random(space, seed, {a.digest for a in fitted}), held_out))
    if len(others) < held_out:
        raise InputError(
            f"{space.origin}: holds no {samples} + {held_out} distinct architectures; "
            f"found {len(fitted) + len(others)}; expected fewer --samples or --held-out"
        )
    return {FIT: fitted, HELD_OUT: others}


def _random(space: SearchSpace, seed: int, seen: set[str]) -> Iterator[Architecture]:
    """Distinct architectures at random, none of those seen."""
    generator = np.random.default_rng((seed, 1))
    for _ in range(min(ATTEMPTS_BEFORE_END, DRAWS_OF_EACH * space.size)):
        drawn = {name: values[generator.integers(len(values))] for name, values in space.choices.items()}
        architecture = space.build(drawn)
        if architecture.digest not in seen:
            seen.add(architecture.digest)
            yield architecture


def measure_all(
    device: MeasuringDevice, wanted: Wanted, models: Path, table: Measurements
) -> Iterator[tuple[Architecture, Measurement | MeasurementFailed]]:
    """Measures what the table lacks, and keeps and yields each result as it comes.

    A file that cannot be measured is tried again after all the others. Raises
    `MeasurementFailed` where several in a row fail, and at the end where more than a few still do;
    what was measured is in the table.
    """
    missing = {a.digest: (split, a) for split in wanted for a in wanted[split] if a.digest not in table.rows}
    last: MeasurementFailed | None = None
    for _ in range(2):
        in_a_row = 0
        for architecture, result in _measured(device, [a for _, a in missing.values()], models):
            if isinstance(result, MeasurementFailed):
                last, in_a_row = result, in_a_row + 1
            else:
                table.add(architecture, result, missing.pop(architecture.digest)[0])
                in_a_row = 0
            yield architecture, result
            if last and in_a_row >= (FAILURES_BEFORE_END if table.rows else 1):
                raise MeasurementFailed(f"{last}; {in_a_row} failed in a row, {_kept(table)}")
    if last and len(missing) > MAY_FAIL * sum(map(len, wanted.values())):
        raise MeasurementFailed(f"{last}; {len(missing)} could not be measured, {_kept(table)}")


def _kept(table: Measurements) -> str:
    if not table.rows:
        return "nothing was measured before"
    return f"{len(table.rows)} measurements are in {table.path}, and the same command goes on from there"


def _measured(
    device: MeasuringDevice, architectures: Sequence[Architecture], models: Path
) -> Iterator[tuple[Architecture, Measurement | MeasurementFailed]]:
    """Each architecture's measurement as it ends, as many under way as the device has boards."""
    if device.parallel == 1:
        for architecture in architectures:
            yield architecture, _measure(device, architecture, models)
        return
    waiting = iter(architectures)
    with ThreadPoolExecutor(device.parallel) as pool:

        def start(count: int) -> dict[Future[Measurement | MeasurementFailed], Architecture]:
            return {pool.submit(_measure, device, a, models): a for a in islice(waiting, count)}

        running = start(device.parallel)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
            running |= start(len(done))


def _measure(device: MeasuringDevice, architecture: Architecture, models: Path) -> Measurement | MeasurementFailed:
    try:
        return device.measure(model_file(models, architecture, device.precision))
    except MeasurementFailed as failure:
        return failure
