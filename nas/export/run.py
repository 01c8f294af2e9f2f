"""Runs TFLite files on this machine, on pictures of 0..255."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.labels import labels_beside
from nas.export.model import Graph, Tensor, parse, read_bytes
from nas.export.pixels import Reads, pixel_values
from nas.export.quiet import quiet

TRIAL_SECONDS = 120
MOST_THREADS = 256
_PASSING = ("RESHAPE", "QUANTIZE", "DEQUANTIZE", "SQUEEZE")  # leave probabilities what they are


class Pixels(Protocol):
    """Pictures (N, H, W, C) uint8: an array, or what stands for one and has each when it is asked for."""

    @property
    def dtype(self) -> Any: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


class LiteModel:
    """An image classifier in a .tflite file: float, int8 or uint8 at its ends.

    `size` is (height, width, channels) of its input, `classes` the number of outputs,
    `probabilities` whether it ends in a softmax. Without `xnnpack` the runtime's own
    kernels compute, as on systems whose LiteRT is built so.

    `reads` are the numbers that a float file takes for the darkest and the brightest
    pixel; without them what `pixel_values` finds.

    A file from elsewhere is first run in a process of its own, because the runtime does
    not survive every damaged file; `trusted` skips that for a file just written.

    Raises `InputError` where the file cannot be read or is no such classifier, and for
    more `threads` than the runtime survives.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        threads: int = 1,
        trusted: bool = False,
        xnnpack: bool = True,
        reads: tuple[float, float] | None = None,
    ):
        if not 1 <= threads <= MOST_THREADS:
            raise InputError(f"threads is {threads}; expected 1 to {MOST_THREADS}")
        self.path = Path(path)
        data = read_bytes(self.path)
        model = parse(data, str(path))
        graph = model.main
        self._input, self._output = _ends(graph, str(path))
        self.size = self._input.shape[1:]
        self.classes = self._output.shape[-1]
        self.bytes = len(data)
        self.probabilities = _producer(graph, graph.outputs[0]) == "SOFTMAX"
        if not trusted:
            _try_out(self.path)
        self._interpreter = _interpreter(data, threads, xnnpack, str(path))
        self._table = pixel_values(model, reads, str(path))
        self._colours = np.arange(self.size[-1]) if self._table.ndim > 1 else None
        self._numbers = [
            details[0]["index"]
            for details in (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        ]

    @property
    def reads(self) -> Reads:
        """The numbers that its input holds for the darkest and the brightest pixel."""
        low, high = _real(self._table[[0, 255]], self._input).reshape(2, -1)
        return low, high

    @cached_property
    def labels(self) -> list[str] | None:
        """The class names in the file, else those in labels.txt beside it, or None where neither is.

        Raises `InputError` where their number is not the number of outputs.
        """
        return labels_beside(self.path, self.classes)

    def predict(self, pixels: Pixels) -> NDArray[np.float32]:
        """Outputs (N, classes) for pictures (N, H, W, C) of 0..255: logits, or
        probabilities where the file ends in a softmax.

        A float model is given what it `reads`; a quantized one what its input's range
        stands for, [-1, 1], [0, 1] or [0, 255]. Raises `InputError` for another size or type.
        """
        if pixels.dtype != np.uint8 or pixels.shape[1:] != self.size:
            height, width, channels = self.size
            raise InputError(
                f"{self.path}: takes uint8 pictures of shape [N, {height}, {width}, {channels}]; "
                f"found {pixels.dtype} of shape {list(pixels.shape)}"
            )
        outputs = np.empty((len(pixels), self.classes), np.float32)
        for number, picture in enumerate(pixels):
            self.feed(picture)
            self.invoke()
            outputs[number] = _real(self._interpreter.get_tensor(self._numbers[1]).reshape(-1), self._output)
        return outputs

    def feed(self, picture: NDArray[np.uint8]) -> None:
        """Sets the input to one picture (H, W, C) of 0..255, for `invoke` to run on."""
        values = self._table[picture] if self._colours is None else self._table[picture, self._colours]
        self._interpreter.set_tensor(self._numbers[0], values[None])

    def invoke(self) -> None:
        """Runs the model once on the input it has; the call that is timed."""
        self._interpreter.invoke()


def interleaved_latency(
    runs_once: Mapping[str, Callable[[], object]], runs: int = 50, warm_up: int = 5
) -> dict[str, float]:
    """Median milliseconds of each function, the functions called in turn.

    In turn, because a machine that is slowed for a second then slows all of them.
    """
    for function in runs_once.values():
        for _ in range(warm_up):
            function()
    times: dict[str, list[float]] = {name: [] for name in runs_once}
    for _ in range(runs):
        for name, function in runs_once.items():
            begin = time.perf_counter()
            function()
            times[name].append(1000 * (time.perf_counter() - begin))
    return {name: statistics.median(taken) for name, taken in times.items()}


def timed_rounds(
    runs_once: Mapping[str, tuple[Callable[[], object], float]], rounds: int, fewest: int = 3
) -> dict[str, list[list[float]]]:
    """Milliseconds of every run of each function, round by round.

    In a round each function in turn runs again and again for its number of seconds, and
    `fewest` times at least. A first round, which finds caches cold, is left out.
    """
    times: dict[str, list[list[float]]] = {name: [] for name in runs_once}
    for _ in range(rounds + 1):
        for name, (function, seconds) in runs_once.items():
            times[name].append(_timed(function, seconds, fewest))
    return {name: taken[1:] for name, taken in times.items()}


def _timed(function: Callable[[], object], seconds: float, fewest: int) -> list[float]:
    taken: list[float] = []
    begin = before = time.perf_counter()
    while before - begin < seconds or len(taken) < fewest:
        function()
        now = time.perf_counter()
        taken.append(1000 * (now - before))
        before = now
    return taken


def _ends(graph: Graph, origin: str) -> tuple[Tensor, Tensor]:
    """Input and output of a classifier; raises `InputError` where the graph is none."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise InputError(
            f"{origin}: has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
            "expected an image classifier with one of each"
        )
    ends = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    image, scores = (list(tensor.shape) for tensor in ends)
    if len(image) != 4 or image[0] != 1 or min(image) < 1:
        raise InputError(f"{origin}: its input has shape {image}; expected pictures [1, height, width, channels]")
    if not scores or scores[-1] < 1 or any(size != 1 for size in scores[:-1]):
        raise InputError(f"{origin}: its output has shape {scores}; expected one number per class, [1, classes]")
    for tensor in ends:
        if tensor.dtype not in ("float32", "int8", "uint8"):
            raise InputError(f"{origin}: '{tensor.name}' is {tensor.dtype}; expected float32, int8 or uint8")
        if tensor.dtype != "float32" and not (tensor.scales and tensor.zero_points):
            raise InputError(f"{origin}: '{tensor.name}' is {tensor.dtype} without a scale; expected its quantization")
    return ends


def _producer(graph: Graph, tensor: int) -> str:
    """The op that made a tensor, seen through ops that change no value."""
    for operator in reversed(graph.operators):
        if tensor in operator.outputs:
            if operator.op not in _PASSING or not operator.inputs:
                return operator.op
            tensor = operator.inputs[0]
    return ""


def _try_out(path: Path) -> None:
    """Runs the file once in another process; raises `InputError` where that one fails."""
    script = Path(__file__).with_name("trial.py")
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(script), str(path)], capture_output=True, timeout=TRIAL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{path}: did not finish one run in {TRIAL_SECONDS} seconds; expected a whole .tflite model"
        ) from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if done.returncode > 0 and lines else f"it ends the process ({done.returncode})"
        raise InputError(f"{path}: cannot be run: {reason}; expected a whole .tflite model of builtin ops")


def _interpreter(data: bytes, threads: int, xnnpack: bool, origin: str) -> Any:
    kernels = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        with quiet():
            interpreter = Interpreter(model_content=data, num_threads=threads, experimental_op_resolver_type=kernels)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{origin}: cannot be run: {' '.join(str(error).split())}; expected a whole .tflite model of builtin ops"
        ) from error
    return interpreter


def _real(numbers: NDArray[Any], tensor: Tensor) -> NDArray[np.float32]:
    """What numbers of a tensor at the model's ends stand for."""
    values = numbers.astype(np.float32)
    if tensor.scales:
        values = (values - tensor.zero_points[0]) * np.float32(tensor.scales[0])
    return values
