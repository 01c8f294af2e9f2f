"""What of this machine each worker process may use: some of the cores, or one GPU."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

_CUDA = ("jax_cuda12_plugin", "jax_cuda13_plugin")
_MEMORY = 0.9  # of a GPU's memory, shared by its workers


@dataclass(frozen=True)
class Share:
    """Cores by number, and variables of the environment that keep libraries to them."""

    cores: tuple[int, ...]
    environment: dict[str, str]

    def claim(self) -> None:
        """Keeps this process to its cores; before JAX is loaded, which counts them once."""
        if hasattr(os, "sched_setaffinity"):  # not on macOS
            os.sched_setaffinity(0, self.cores)


def shares(count: int, cores: Sequence[int], gpus: Sequence[str]) -> list[Share]:
    """`count` shares, as even as can be; workers that outnumber the cores or GPUs share them."""
    every = []
    for index in range(count):
        mine = tuple(cores[index * len(cores) // count : (index + 1) * len(cores) // count])
        mine = mine or (cores[index % len(cores)],)
        every.append(Share(mine, threads(len(mine)) | _gpu(index, count, gpus)))
    return every


def threads(count: int) -> dict[str, str]:
    """For XLA, OpenMP and OpenBLAS, where the system cannot keep a process to some cores."""
    return dict.fromkeys(("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(count))


def _gpu(index: int, count: int, gpus: Sequence[str]) -> dict[str, str]:
    if not gpus:
        return {}
    workers = len(range(index % len(gpus), count, len(gpus)))  # that have this one
    return {
        "CUDA_VISIBLE_DEVICES": gpus[index % len(gpus)],
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{_MEMORY / workers:.3f}",
    }


def own_cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def own_gpus() -> list[str]:
    """The GPUs that JAX would use here, as CUDA_VISIBLE_DEVICES names them; found without waking any."""
    platforms = {name.strip() for name in (os.environ.get("JAX_PLATFORMS") or "cuda").split(",")}
    if not platforms & {"cuda", "gpu"} or not any(map(find_spec, _CUDA)):
        return []
    if (said := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in said.split(",") if name]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(index) for index, line in enumerate(listed.splitlines()) if line.startswith("GPU ")]
