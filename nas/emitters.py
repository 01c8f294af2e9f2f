"""Which of its two code generators XLA uses on CPUs.

The older one takes half as long to compile, which is what a search waits for; the newer one's programs take less
time for a step of some networks, which pays in long trainings (benchmarks/results/emitters.md).
"""

import os
from importlib.metadata import version

from nas.errors import InputError, unknown

SETTING = "EDGESCALE_EMITTERS"
KNOWN = ("newer", "older")
FLAG = "--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters=true"


def emitters() -> str:
    """The code generator to use: "older", or what EDGESCALE_EMITTERS says. Raises `InputError` if that is neither."""
    if (said := os.environ.get(SETTING) or "older") not in KNOWN:
        raise InputError(f"{SETTING}: {unknown('code generator', said, KNOWN)}")
    return said


def ask_in_flags() -> None:
    """Asks for the older one by XLA_FLAGS, for this process and those it starts, where no program can ask for itself.

    That is from JAX 0.11 on; with 0.10 the options of a program say it (`nas.train.program`).
    XLA reads the flags when a process first uses it: later nothing changes, and a network only
    takes longer to compile. Where EDGESCALE_EMITTERS says "newer", what a process before this
    one asked for is taken back. Other flags stay; a file that XLA_FLAGS names is left alone.
    """
    flags = os.environ.get("XLA_FLAGS", "").strip()
    if os.environ.get(SETTING) == "newer":
        if FLAG in flags:
            os.environ["XLA_FLAGS"] = flags.replace(FLAG, "").strip()
        return
    is_file = flags and not flags.startswith("-")
    if not is_file and FLAG not in flags and _release("jax") >= (0, 11):
        os.environ["XLA_FLAGS"] = f"{flags} {FLAG}".strip()


def _release(package: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version(package).split(".")[:2])
