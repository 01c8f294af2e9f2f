"""A Ray cluster of the tests' own on this machine; tests that want it are skipped where Ray is not installed."""

import os
from contextlib import contextmanager

import pytest

MEMORY = 80_000_000  # bytes of a node's object store, which nothing is put into


@contextmanager
def two_nodes():
    """The nodes "one" and "two", of one core each, beside a head that has none."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgescale[ray]'")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for name in ("one", "two"):
        cluster.add_node(num_cpus=1, resources={name: 1}, object_store_memory=MEMORY)
    try:
        yield cluster
    finally:
        cluster.shutdown()
