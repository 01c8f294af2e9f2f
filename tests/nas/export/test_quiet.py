"""Silence for native code only."""

import os
import sys
import warnings

from nas.export.quiet import quiet


def test_quiet_drops_native_output_and_warnings(capfd):
    with quiet():
        os.write(2, b"native noise\n")
        warnings.warn("noise", stacklevel=1)
    assert capfd.readouterr().err == ""
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_quiet_keeps_what_python_writes_to_standard_error(capfd):
    with open(2, "w", closefd=False) as direct:
        before, sys.stderr = sys.stderr, direct
        try:
            with quiet():
                print("progress", file=sys.stderr)
                os.write(2, b"native noise\n")
            assert sys.stderr is direct
        finally:
            sys.stderr = before
    assert capfd.readouterr().err == "progress\n"


def test_quiet_restores_after_an_exception(capfd):
    before = sys.stderr
    try:
        with quiet():
            raise KeyError
    except KeyError:
        pass
    os.write(2, b"afterwards\n")
    assert sys.stderr is before
    assert capfd.readouterr().err == "afterwards\n"
