"""Prints the milliseconds of a .tflite file's inference: `python litert_process.py FILE [THREADS]`.

The far side of `litert-process.json`, and a pattern for scripts on other machines: it needs
nothing but LiteRT and NumPy, runs the file until the caches are warm, and prints one number.
"""

import statistics
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

WARM_UP = 10
SECONDS = 0.5


def main(path: str, threads: int = 1) -> float:
    """The median of the runs of half a second, on noise."""
    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        noise = generator.integers(-128, 128, details["shape"])
        interpreter.set_tensor(details["index"], noise.astype(details["dtype"]))
    for _ in range(WARM_UP):
        interpreter.invoke()
    times = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or not times:
        begin = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    print(f"{main(sys.argv[1], *map(int, sys.argv[2:])):.6f} ms")
