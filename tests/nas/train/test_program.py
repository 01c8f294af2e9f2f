import jax
import jax.numpy as jnp
import pytest

from nas.blocks.xla_convolution import dense_convolution
from nas.train import program


@pytest.mark.parametrize("whole", [False, True])
def test_convolutions_are_compiled_to_xla_s_own_and_not_to_ynnpack_s(whole):
    def convolution(x, kernel):
        return dense_convolution(x, kernel, ((1, 1), (1, 1)), 1, 1)

    lowered = jax.jit(convolution).lower(jnp.zeros((8, 8, 8, 32)), jnp.zeros((3, 3, 32, 32)))
    compiled = lowered.compile(program.compiler_options(whole)).as_text()
    entry = compiled[compiled.index("ENTRY") :]
    assert " convolution(" in entry
    assert "ynn_fusion" not in entry


def test_options_that_xla_does_not_know_are_left_out_alone(monkeypatch):
    known, compiles = program.compiler_options(), program._known
    unknown = "xla_backend_optimization_level"
    monkeypatch.setattr(program, "_known", lambda options: unknown not in options and compiles(options))
    found = program.compiler_options.__wrapped__()
    assert found == {name: value for name, value in known.items() if name != unknown}
    assert len(found) == len(known) - 1


def test_what_xla_knows_is_found_by_compiling():
    assert program._known({"xla_backend_optimization_level": 1})
    assert not program._known({"xla_cpu_of_no_meaning": 1})
