"""Networks of the zoo whose blocks are exported in another form than they are costed in, small, as files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.export.edgetpu import check
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.network import initialise
from search_spaces.zoo import zoo

SIZE = 32
NETWORKS = [
    "squeezenet-1.1",  # max pools that are padded at the end
    "shufflenet-v2-0.5x",  # channel shuffles, and a max pool that is padded around
    "mobilenet-edgetpu-v2-tiny",  # grouped convolutions
]


@pytest.mark.parametrize("name", NETWORKS)
def test_files_compute_what_the_network_does_and_map(name, tmp_path):
    architecture = zoo(name).with_input(SIZE).with_classes(10)
    network, path = initialise(architecture), tmp_path / "network.tflite"
    network.eval()
    pixels = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3)).astype(np.uint8)
    inputs = pixels.astype(np.float32) / 127.5 - 1
    expected = np.asarray(nnx.jit(lambda network, x: network(x))(network, jnp.asarray(inputs)))
    for form, tolerance in (("float32", 1e-5), ("int8", 0.2)):
        path.write_bytes(convert(network, (1, SIZE, SIZE, 3), form, [picture[None] for picture in inputs]))
        found = LiteModel(path, trusted=True).predict(pixels)
        assert np.abs(found - expected).max() < tolerance * np.abs(expected).max(), form
    verdict = check(path)
    assert verdict.edgetpu, verdict


@pytest.fixture(autouse=True, scope="module")
def compile_quickly():
    """What is compiled here runs once, on small pictures."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
