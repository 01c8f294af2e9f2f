"""Samplers as texts: options, one spelling, mistakes in one line, and code of others."""

import sys
from functools import partial
from types import SimpleNamespace

import pytest
from optuna.samplers import RandomSampler

from nas.errors import InputError
from nas.search.samplers import Foreign, as_text, make_sampler, read, sampler_names, written


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("tpe", "tpe"),
        ("tpe multivariate=false n_startup_trials=10", "tpe multivariate=false"),
        ("evolution tournament=3 population=20", "evolution tournament=3"),
        ("controller exponent=-0.5 learning_rate=0.2", "controller exponent=-0.5"),
        ("nsga-iii crossover_prob=1", "nsga-iii crossover_prob=1"),
        ("qmc type=halton scramble=false", "qmc type=halton scramble=false"),
        ("mine.samplers:Sampler deep=true size=3 name=x", "mine.samplers:Sampler deep=true name=x size=3"),
        ("hub:samplers/auto_sampler:AutoSampler", "hub:samplers/auto_sampler:AutoSampler"),
    ],
)
def test_one_spelling(text, spelled):
    assert written(read(text)) == spelled
    assert read(spelled) == read(text)


def test_every_name_alone():
    assert [written(read(name)) for name in sampler_names()] == sampler_names()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tpee", "unknown sampler 'tpee'; did you mean 'tpe'?"),
        ("", "unknown sampler ''"),
        ("tpe multivariat=true", "tpe: unknown option 'multivariat'; did you mean 'multivariate'?"),
        ("tpe multivariate=1", "tpe: multivariate: found 1; expected true or false"),
        ("tpe n_startup_trials=2.5", "tpe: n_startup_trials: found 2.5; expected a whole number, 1 to 100000"),
        ("tpe n_startup_trials=true", "expected a whole number"),
        ("tpe n_startup_trials", "tpe: found 'n_startup_trials'; expected an option and its value"),
        ("evolution population=1", "evolution: population: found 1; expected a whole number, 2 to 100000"),
        ("evolution population=3 population=4", "evolution: found population twice"),
        ("controller exponent=nan", "controller: exponent: found nan; expected -100 to 0"),
        ("qmc type=latin", "qmc: type: found latin; expected one of halton, sobol"),
        ("random speed=3", "random: found the option speed; expected none"),
        ("mine:", "found 'mine:'; expected module:Class"),
        ("a:b:c", "found 'a:b:c'; expected module:Class, or hub:PACKAGE:Class"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(InputError) as error:
        read(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_mappings():
    assert as_text({"name": "tpe", "multivariate": True}) == "tpe multivariate=true"
    assert as_text("tpe") == "tpe"
    assert as_text(5) == 5
    for wrong in (
        {"multivariate": True},
        {"name": "tpe", "x": [1]},
        {"name": "tpe", "x": "a b"},
        {"name": "tpe", "x": ""},
    ):
        with pytest.raises(InputError):
            as_text(wrong)


def test_code_of_others(tmp_path, monkeypatch):
    (tmp_path / "others.py").write_text(
        "from optuna.samplers import RandomSampler\n"
        "class Fine(RandomSampler):\n"
        "    def __init__(self, seed, size=1):\n"
        "        super().__init__(seed)\n"
        "        self.size = size\n"
        "def nothing():\n"
        "    return None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    sampler = make_sampler("others:Fine size=3", 0, 5)
    assert type(sampler.sampler).__name__ == "Fine"
    assert sampler.sampler.size == 3
    assert isinstance(read("others:Fine"), Foreign)  # and has imported nothing
    for text, message in (
        ("others:Gone", "others has no class Gone"),
        ("nowhere_at_all:Sampler", "cannot be imported"),
        ("others:Fine sise=3", "cannot be made"),
        ("others:nothing", "found a NoneType; expected a sampler"),
    ):
        with pytest.raises(InputError, match=message):
            make_sampler(text, 0, 0)


def test_samplers_of_optunahub(monkeypatch):
    def load_module(package):
        if package != "samplers/of_theirs":
            raise OSError("no way to the hub\nat all")
        return SimpleNamespace(Theirs=RandomSampler)

    monkeypatch.setitem(sys.modules, "optunahub", SimpleNamespace(load_module=load_module))
    assert isinstance(make_sampler("hub:samplers/of_theirs:Theirs", 0, 0).sampler, RandomSampler)
    with pytest.raises(InputError, match=r"hub:samplers/gone: cannot be loaded \(no way to the hub.*at all\)"):
        make_sampler("hub:samplers/gone:Theirs", 0, 0)
    monkeypatch.setitem(sys.modules, "optunahub", None)
    with pytest.raises(InputError, match=r"optunahub is not installed; .* pip install 'edgescale\[hub\]'"):
        make_sampler("hub:samplers/of_theirs:Theirs", 0, 0)


def test_optunahub_itself(tmp_path, monkeypatch):
    hub = pytest.importorskip("optunahub", reason="OptunaHub is not installed: pip install 'edgescale[hub]'")
    (tmp_path / "package" / "samplers" / "mine").mkdir(parents=True)
    (tmp_path / "package" / "samplers" / "mine" / "__init__.py").write_text(
        "from optuna.samplers import RandomSampler\nclass Mine(RandomSampler):\n    pass\n"
    )
    local = partial(hub.load_local_module, registry_root=str(tmp_path / "package"))
    monkeypatch.setattr(hub, "load_module", local)  # which would ask the network
    assert type(make_sampler("hub:samplers/mine:Mine", 0, 0).sampler).__name__ == "Mine"
