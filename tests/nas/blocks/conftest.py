import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def compile_quickly():
    """What is compiled for these tests runs once, on small pictures."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
