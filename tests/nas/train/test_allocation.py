import platform
import subprocess
import sys

import numpy as np
import pytest

from nas.train.allocation import keep_freed_memory

SUMS = """
import resource
from nas.train.allocation import keep_freed_memory
keep_freed_memory()
import jax, jax.numpy as jnp

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

# Tables of 80 MB, which the thread that runs the program asks for.
table = jax.lax.optimization_barrier
program = jax.jit(lambda x: table(table(jnp.outer(x, x))[::-1, ::-1]).sum(1))
x = jnp.arange(4500.0)
for turn in range(45):
    if turn == 40:  # all that there was room for has been in use by then
        before = pages()
    program(x).block_until_ready()
print(pages() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_what_is_freed_is_used_again():
    import resource

    def faults():
        """Pages that the system had to bring while two large arrays came and went."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(2):
            np.ones(2**24, np.uint8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert keep_freed_memory()
    faults()
    assert faults() < 2**24 / resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_what_programs_free_in_their_threads_is_used_again():
    done = subprocess.run([sys.executable, "-c", SUMS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 5 * 4500**2 * 4 / 4096 / 2  # half of the pages of five such tables
