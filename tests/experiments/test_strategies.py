"""How experiments name samplers and the architectures that a search begins with."""

from types import SimpleNamespace

import optuna
import pytest

from experiments.schema import load_experiment
from experiments.stages.start import START, enqueue_starts, load_starts
from experiments.strategies import require_able_sampler, require_allowed_sampler
from nas.errors import InputError
from tests.experiments.conftest import nas

TEXT = """name: tiny
space: |
  input 16x16x1
  stem  conv k3 s1 c{8,16} act=relu6
  stage {mbconv,conv} k{3,5} s2 e2 c16 act=relu6
  head  pool
  head  dense c10
search:
  sampler: SAMPLER
"""
NEAR = "input 32x32x3\nstem conv k3 s1 c16 act=relu6\nstage mbconv k5 s2 e2 c16\nhead pool\nhead dense c1000\n"


@pytest.fixture
def write(tmp_path):
    """An experiment with this sampler, and further lines of its search."""

    def written(sampler, *lines):
        file = tmp_path / "tiny.yaml"
        file.write_text(TEXT.replace("SAMPLER", sampler) + "".join(f"  {line}\n" for line in lines))
        return file

    return written


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("evolution tournament=3 population=20", "evolution tournament=3"),
        ("{name: tpe, multivariate: false}", "tpe multivariate=false"),
        ("{name: controller, exponent: -0.5}", "controller exponent=-0.5"),
        ("mine:Sampler size=3", "mine:Sampler size=3"),
    ],
)
def test_samplers_with_options(write, said, spelled, tmp_path):
    experiment = load_experiment(write(said))
    assert experiment.search.sampler == spelled
    again = tmp_path / "again.yaml"
    again.write_text(experiment.to_yaml())
    assert load_experiment(again) == experiment


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("tpee", "unknown sampler 'tpee'; did you mean 'tpe'?"),
        ("{name: tpe, multivariat: true}", "tpe: unknown option 'multivariat'; did you mean 'multivariate'?"),
        ("evolution population=1", "evolution: population: found 1; expected a whole number, 2 to 100000"),
        ("{multivariate: true}", "found no name; expected as in {name: tpe, multivariate: true}"),
        ("5", "expected a sampler with its options"),
    ],
)
def test_mistakes_say_their_line(write, said, message):
    with pytest.raises(InputError, match=r"tiny.yaml line 9: search.sampler") as error:
        load_experiment(write(said))
    assert message in str(error.value)


def test_what_the_sampler_cannot_do(write):
    experiment = load_experiment(write("cma-es"))
    require_able_sampler(experiment, experiment.search_space())
    names = load_experiment(write("cma-es"), ["space=nasbench201"])
    with pytest.raises(InputError, match=r"line 9: search.sampler: cma-es: found 0 of 6 choices between numbers"):
        require_able_sampler(names, names.search_space())
    both = load_experiment(write("local", "objectives: [accuracy, params]"))
    with pytest.raises(InputError, match=r"line 9: search.sampler: local: found 2 objectives; expected one"):
        require_able_sampler(both, both.search_space())


def test_code_runs_only_where_it_is_allowed(write, tmp_path, monkeypatch):
    (tmp_path / "of_mine.py").write_text("raise ImportError('was run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    experiment = load_experiment(write("of_mine:Sampler"))
    with pytest.raises(
        InputError, match=r"line 9: search.sampler: found of_mine:Sampler, which is code; .*--allow-code"
    ):
        require_allowed_sampler(experiment, allow_code=False)
    with pytest.raises(InputError, match=r"line 9: search.sampler: of_mine:Sampler: cannot be imported \(was run\)"):
        require_allowed_sampler(experiment, allow_code=True)
    done = nas("run", write("of_mine:Sampler"), "--out", tmp_path / "run")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--allow-code" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("sampler", ["local", "cma-es"])
def test_starts(write, tmp_path, sampler):
    (tmp_path / "near.arch").write_text(NEAR)
    experiment = load_experiment(write(sampler, f"start: [mobilenet-v2, {tmp_path}/near.arch]"))
    said = []
    space = experiment.search_space()
    context = SimpleNamespace(experiment=experiment, space=space, progress=SimpleNamespace(say=said.append))
    study = optuna.create_study()
    for _ in range(2):
        enqueue_starts(context, study)
    assert len(said) == 2
    assert said[0].startswith(
        "mobilenet-v2 is not in the space, and not where the search starts: architecture: found 12"
    )
    (trial,) = study.get_trials()
    assert trial.user_attrs == {START: f"{tmp_path}/near.arch"}
    chosen = {"stem1.channels": 16, "stage1.block": "mbconv", "stage1.kernel": 5}
    places = {"stem1.channels.place": 1, "stage1.block": "mbconv", "stage1.kernel.place": 1}
    assert trial.system_attrs["fixed_params"] == (chosen if sampler == "local" else places)
    study.ask()
    study.ask()
    enqueue_starts(context, study)
    assert len(study.get_trials()) == 2


def test_unknown_starts_are_refused(write):
    experiment = load_experiment(write("tpe", "start: [mobilnet-v2]"))
    with pytest.raises(InputError, match=r"line 10: search.start: zoo: unknown network 'mobilnet-v2'; did you mean"):
        load_starts(experiment, experiment.search_space())
