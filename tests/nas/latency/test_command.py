"""Devices behind a command: what is read from its output, and what each way to fail says."""

import json
import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.errors import InputError
from nas.latency import MeasurementFailed, MeasuringDevice, find_device
from nas.latency.command import CommandDevice, end_commands
from nas.latency.command_output import milliseconds

MODEL = Path("/no/where/model-7.tflite")
HEAD = {"format": 1, "name": "mine", "kind": "command", "title": "Mine", "evidence": "measured"}
ANDROID = "Inference timings in us: Init: 20283, First inference: 339304, Warmup (avg): 302814, Inference (avg): 266473"


def device(script: str, **options: Any) -> CommandDevice:
    """One whose command is a line of shell, with the model as $0."""
    quoted = script.replace("'", "'\\''")
    return CommandDevice("mine", "Mine", f"sh -c '{quoted}' {{model}}", **{"retries": 0, "timeout_s": 20, **options})


def failure(script: str, **options: Any) -> str:
    with pytest.raises(MeasurementFailed) as caught:
        device(script, **options).measure(MODEL)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("output", "ms"),
    [
        ("1.25", 1.25),
        ("latency of model_v2 on host-3: 1.25 ms\n", 1.25),
        ("310 us", 0.31),
        ("310\u00b5s", 0.31),
        ("took 0.5 seconds", 500),
        ("2e-3 s", 2),
        ("0.00125 secs", 1.25),
        ("1 second", 1000),
        ("1250 usecs", 1.25),
        ("1250 microseconds", 1.25),
        ("1250 \u03bcs", 1.25),
        ("1.25 Msec", 1.25),
        ("1.25 MS", 1.25),
        ("1.25 Millisecond", 1.25),
        ("1250000 ns", 1.25),
        ("0.00125 S", 1.25),
        (".5ms", 0.5),
    ],
)
def test_milliseconds_of_one_number(output: str, ms: float) -> None:
    assert milliseconds(output) == pytest.approx(ms)


def test_milliseconds_in_the_unit_that_a_device_says() -> None:
    assert milliseconds("1500", "us") == 1.5
    assert milliseconds("1500 ms", "us") == 1500


def test_milliseconds_by_a_pattern_are_the_last_match() -> None:
    pattern = re.compile(r"Inference \(avg\): ([\d.e+]+)")
    assert milliseconds(f"{ANDROID}\n{ANDROID}", "us", pattern) == pytest.approx(266.473)
    with pytest.raises(InputError, match="prints nothing that matches"):
        milliseconds("no such file", "us", pattern)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", "prints no number; expected milliseconds, and it printed nothing"),
        ("done", "prints no number; expected milliseconds, and it printed 'done'"),
        ("1.5 ms\n1.6 ms\n", "prints 2 numbers; expected one, or a pattern in the device's file"),
        ("0 ms", "prints 0 ms; expected milliseconds above 0"),
        ("-3", "prints -3 ms; expected milliseconds above 0"),
        ("1e400", "expected milliseconds above 0, 10000000 at most"),
        ("1e300", "prints 1e300 ms; expected milliseconds above 0, 10000000 at most"),
        ("60 fps", "prints '60 fps'; expected milliseconds (ms), us or s"),
        ("0.5 minutes", "prints '0.5 minutes'; expected milliseconds (ms), us or s"),
        ("1 Hour", "prints '1 Hour'"),
    ],
)
def test_milliseconds_of_anything_else_are_refused(output: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        milliseconds(output)
    assert said in str(caught.value)


def test_measure_gives_the_command_the_file() -> None:
    assert device('test "$0" = /no/where/model-7.tflite && echo 1.5 ms').measure(MODEL).ms == 1.5


def test_measure_takes_the_median_of_several_runs(tmp_path: Path) -> None:
    count = tmp_path / "count"
    measured = device(f"echo . >> {count}; wc -l < {count}", runs=3, largest_spread=9).measure(MODEL)
    assert (measured.ms, measured.runs) == (2, 3)
    count.unlink()
    assert "spreads by 50.0%" in failure(f"echo . >> {count}; wc -l < {count}", runs=3)


def test_measure_in_a_shell_quotes_the_file() -> None:
    mine = CommandDevice("mine", "Mine", "test -n {model} && echo 3 | cat", shell=True, retries=0)
    assert mine.measure(Path("/no/it's; here")).ms == 3


def test_measure_tries_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    assert device(f"test -e {flag} && echo 2 || {{ touch {flag}; exit 1; }}", retries=1).measure(MODEL).ms == 2


def test_measure_tells_the_command_s_own_output() -> None:
    said = failure("echo half; echo board is gone >&2; exit 4", retries=1)
    assert said == "mine: the command ended with code 4; it printed 'half | board is gone' (2 tries)"


def test_measure_ends_a_command_that_hangs_and_all_that_it_started() -> None:
    assert "took longer than 0.3 s; it had printed 'begun'" in failure(
        "echo begun; sleep 500 & sleep 500", timeout_s=0.3
    )


def test_commands_under_way_can_be_ended_for_a_process_that_ends(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    said: list[str] = []
    waiting = threading.Thread(target=lambda: said.append(failure(f"touch {flag}; sleep 500", timeout_s=100)))
    waiting.start()
    while not flag.exists():
        time.sleep(0.01)
    end_commands()
    waiting.join(50)
    assert "ended with code -9" in said[0]


def test_measure_does_not_wait_for_what_a_command_leaves_behind() -> None:
    assert device("sleep 500 & echo 4", timeout_s=0.5).measure(MODEL).ms == 4


def test_measure_cuts_off_a_command_that_prints_without_end() -> None:
    assert "ended with code" in failure("yes", timeout_s=60)


def test_measure_of_a_program_that_is_not_there() -> None:
    with pytest.raises(MeasurementFailed, match=r"cannot be started .No such file or directory: no-such-program"):
        CommandDevice("mine", "Mine", "no-such-program {model}", retries=0).measure(MODEL)


def test_measure_gives_each_board_one_file_at_a_time() -> None:
    mine = CommandDevice("mine", "Mine", "sh -c 'sleep 0.1; echo $1' {model} {board}", boards=("3", "5"))
    boards = []
    threads = [threading.Thread(target=lambda: boards.append(mine.measure(MODEL).board)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mine.parallel == 2
    assert sorted(boards) == ["3", "3", "5", "5"]


def written(folder: Path, **content: Any) -> Path:
    path = folder / "mine.json"
    path.write_text(json.dumps({**HEAD, **content}))
    return path


def test_find_device_reads_a_command(tmp_path: Path) -> None:
    (tmp_path / "near.sh").write_text("echo 1.5 ms")
    mine = find_device(written(tmp_path, command="sh {here}/near.sh {model}", timeout_s=9, pattern="([0-9.]+) ms"))
    assert isinstance(mine, MeasuringDevice)
    assert (mine.name, mine.kind, mine.evidence, mine.precision) == ("mine", "command", "measured", "int8")
    assert mine.measure(MODEL).ms == 1.5


def test_find_device_runs_the_example_in_another_process() -> None:
    """The worked example of docs/devices.md, on the network that `host` refers to."""
    from nas.latency.host import REFERENCE

    root = Path(__file__).parents[3]
    example = find_device(root / "devices" / "litert-process.json")
    assert isinstance(example, CommandDevice)
    busy = replace(example, largest_spread=1e6)  # whatever else this machine does meanwhile
    assert busy.measure(REFERENCE).ms > 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "mine.json: has no command; expected command"),
        ({"command": "run model"}, 'command: found "run model"; expected a command line with {model} in it'),
        ({"command": "run {model} {board}"}, "expected boards beside it, for its {board}"),
        ({"command": "run {model}", "boards": ["a"]}, "expected {board} in it for the boards"),
        ({"command": "run {board} {model}", "boards": ["a", "a"]}, "expected a list of distinct boards"),
        ({"command": "run '{model}"}, "expected a command line (No closing quotation)"),
        ({"command": "{model}"}, "expected a program before {model}"),
        ({"command": "run {model}", "timeout_s": 0}, "timeout_s: found 0; expected a number above 0"),
        ({"command": "run {model}", "retries": 1.5}, "retries: found 1.5; expected an integer from 0 to 100"),
        ({"command": "run {model}", "unit": "min"}, 'unit: found "min"; expected "ms" or "us" or "s"'),
        ({"command": "run {model}", "pattern": "("}, "expected a regular expression with one group"),
        ({"command": "run {model}", "pattern": "ms"}, "expected a regular expression with one group"),
        ({"command": "run {model}", "shel": True}, "unknown key 'shel'; did you mean 'shell'?"),
        ({"command": "run {model}", "format": 2}, "format: found 2; expected 1, the one that this version reads"),
        ({"command": "run {model}", "kind": "comand"}, 'kind: found "comand"; expected "edgetpu"'),
        ({"command": "run {model}", "evidence": "fitted"}, 'evidence: found "fitted"; expected "measured"'),
    ],
)
def test_find_device_refuses_a_command_that_cannot_be_one(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        find_device(written(tmp_path, **content))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
