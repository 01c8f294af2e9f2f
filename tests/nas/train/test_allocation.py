import platform

import numpy as np
import pytest

from nas.train.allocation import keep_freed_memory


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
