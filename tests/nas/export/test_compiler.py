"""What Google's compiler prints, by logs of its published kind; a script stands for the program, which is not here."""

import pytest

from nas.errors import InputError
from nas.export.compiler import PROGRAM, compile_file, find_compiler, parse_log
from nas.export.coral import find_coral

WHOLE = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 245 ms.

Input model: model.tflite
Input size: 3.20MiB
Output model: model_edgetpu.tflite
Output size: 3.50MiB
On-chip memory used for caching model parameters: 3.33MiB
On-chip memory remaining for caching model parameters: 4.40MiB
Off-chip memory used for streaming uncached model parameters: 41.75KiB
Number of Edge TPU subgraphs: 1
Total number of operations: 30
Operation log: model_edgetpu.log

Operator                       Count      Status

CONV_2D                        15         Mapped to Edge TPU
DEPTHWISE_CONV_2D              13         Mapped to Edge TPU
AVERAGE_POOL_2D                1          Mapped to Edge TPU
RESHAPE                        1          Mapped to Edge TPU
Compilation child process completed within timeout period.
Compilation succeeded!
"""
PART = """Edge TPU Compiler version 15.0.340273435

Model compiled successfully in 1379 ms.

On-chip memory used for caching model parameters: 1.92MiB
On-chip memory remaining for caching model parameters: 1.75KiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 5

Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will
instead run on the CPU, which is slower.
Number of operations that will run on Edge TPU: 1
Number of operations that will run on CPU: 4

Operator                       Count      Status

CONV_2D                        1          Mapped to Edge TPU
CONV_2D                        2          More than one subgraph is not supported
HARD_SWISH                     1          Operation not supported
RESHAPE                        1          {limitation}
""".format(limitation="Operation is otherwise supported, but not mapped due to some unspecified limitation")
REFUSED = """Edge TPU Compiler version 16.0.384591198
ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'. An older version of this builtin might be supported.
ERROR: Registration failed.

Invalid model: model.tflite
Model could not be parsed
"""
LARGE = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.
ERROR: Restored original execution plan after delegate application failure.
Compilation failed: Compilation failed due to large activation tensors in model.
Compilation child process completed within timeout period.
Compilation failed!
"""


def program(folder, log, code=0, writes=True):
    """A program that prints a log and writes a file as the compiler does: `edgetpu_compiler -s -o FOLDER FILE`."""
    script = folder / PROGRAM
    written = 'printf compiled > "$3/$(basename "$4" .tflite)_edgetpu.tflite"' if writes else ""
    (folder / "log.txt").write_text(log)
    script.write_text(f"#!/bin/sh\ncat {folder / 'log.txt'}\n{written}\nexit {code}\n")
    script.chmod(0o755)
    return str(script)


def test_parse_log_of_a_file_that_maps_whole():
    found = parse_log(WHOLE)
    assert (found.version, found.mapped, found.total, found.failure) == ("16.0.384591198", 30, 30, "")
    assert (found.cached, found.streamed) == (round(3.33 * 2**20), round(41.75 * 2**10))


def test_parse_log_of_a_file_that_maps_in_part():
    found = parse_log(PART)
    assert (found.mapped, found.total, found.streamed) == (1, 5, 0)
    assert found.ops[1].status == "More than one subgraph is not supported"
    assert found.ops[3].status.endswith("due to some unspecified limitation")


@pytest.mark.parametrize(
    ("log", "reason"), [(REFUSED, "opcode 'CONV_2D' version '6'"), (LARGE, "due to large activation tensors")]
)
def test_parse_log_of_a_failure(log, reason):
    found = parse_log(log)
    assert reason in found.failure
    assert not found.ops


@pytest.mark.parametrize("log", ["", "command not found", "\x1b[2J\n" * 10])
def test_parse_log_of_something_else_is_refused(log):
    with pytest.raises(InputError, match="expected its version and a table"):
        parse_log(log)


def test_compile_file_keeps_what_comes_out(tmp_path):
    model = tmp_path / "model.tflite"
    model.write_bytes(b"any")
    found = compile_file(program(tmp_path, WHOLE), model)
    assert found.file == tmp_path / "model_edgetpu.tflite"
    assert found.file.read_bytes() == b"compiled"
    assert found.mapped == 30


@pytest.mark.parametrize(("log", "code"), [(REFUSED, 1), (WHOLE, 0)])
def test_compile_file_without_a_result_is_a_failure(tmp_path, log, code):
    model = tmp_path / "model.tflite"
    model.write_bytes(b"any")
    found = compile_file(program(tmp_path, log, code, writes=False), model)
    assert found.file is None
    assert found.failure
    assert not (tmp_path / "model_edgetpu.tflite").exists()


def test_compile_file_by_what_cannot_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be run"):
        compile_file(str(tmp_path / "none"), tmp_path / "model.tflite")


def test_find_compiler_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compiler() is None
    assert find_compiler() != program(tmp_path, WHOLE) == find_compiler()


def test_find_coral_by_its_identity_on_the_bus(tmp_path):
    none = tmp_path / "none"
    assert find_coral(none, none).missing == "no Coral device was found"
    (tmp_path / "usb" / "1-1").mkdir(parents=True)
    (tmp_path / "usb" / "1-1" / "idVendor").write_text("18d1\n")
    (tmp_path / "usb" / "1-1" / "idProduct").write_text("9302\n")
    found = find_coral(tmp_path / "usb", none)
    assert found.device == "a USB accelerator"
    assert "no libedgetpu" in found.missing or not found.missing
