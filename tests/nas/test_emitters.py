import os
import subprocess
import sys

import jax
import pytest

from nas import emitters
from nas.errors import InputError
from nas.train import program

ASKED = emitters.FLAG
COMPILED = "import {}, jax; print(jax.jit(jax.numpy.sin).lower(1.0).compile().as_text())"


@pytest.mark.parametrize(
    ("release", "before", "after"),
    [
        ((0, 11), "", ASKED),
        ((0, 12), "--xla_dump_to=x", f"--xla_dump_to=x {ASKED}"),
        ((0, 11), ASKED, ASKED),
        ((0, 11), "flags.txt", "flags.txt"),
        ((0, 10), "--xla_dump_to=x", "--xla_dump_to=x"),
    ],
)
def test_asks_once_where_no_program_can_and_keeps_what_stands_there(monkeypatch, release, before, after):
    monkeypatch.delenv(emitters.SETTING, raising=False)
    monkeypatch.setenv("XLA_FLAGS", before)
    monkeypatch.setattr(emitters, "_release", lambda _package: release)
    emitters.ask_in_flags()
    assert os.environ["XLA_FLAGS"] == after


@pytest.mark.parametrize(
    ("before", "after"), [(f"--xla_dump_to=x {ASKED}", "--xla_dump_to=x"), ("flags.txt", "flags.txt"), ("", "")]
)
def test_the_newer_one_takes_back_what_a_process_before_asked_for(monkeypatch, before, after):
    monkeypatch.setenv(emitters.SETTING, "newer")
    monkeypatch.setenv("XLA_FLAGS", before)
    emitters.ask_in_flags()
    assert os.environ["XLA_FLAGS"] == after


@pytest.mark.skipif(jax.__version_info__ < (0, 11), reason="JAX 0.10: each program asks for itself")
def test_programs_of_the_command_are_compiled_so():
    def compiled(module, choice="", flags=""):
        environment = {**os.environ, "XLA_FLAGS": flags, emitters.SETTING: choice}
        return subprocess.run(
            [sys.executable, "-c", COMPILED.format(module)], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert "wrapped_sine" in compiled("math")  # the newer one makes a fusion of every operation
    assert "wrapped_sine" not in compiled("experiments.cli")
    assert "wrapped_sine" in compiled("experiments.cli", "newer", ASKED)


@pytest.mark.skipif(jax.__version_info__ >= (0, 11), reason="JAX 0.11: the process asks, not its programs")
@pytest.mark.parametrize(("choice", "newer"), [("", False), ("older", False), ("newer", True)])
def test_programs_of_trainings_are_compiled_so(monkeypatch, choice, newer):
    monkeypatch.setenv(emitters.SETTING, choice)
    options = program.compiler_options.__wrapped__()
    assert ("wrapped_sine" in jax.jit(jax.numpy.sin).lower(1.0).compile(options).as_text()) is newer


def test_another_choice_is_refused(monkeypatch):
    monkeypatch.setenv(emitters.SETTING, "old")
    with pytest.raises(InputError, match="EDGESCALE_EMITTERS: unknown code generator 'old'; did you mean 'older'"):
        program.compiler_options.__wrapped__()
