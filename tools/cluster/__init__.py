"""modelctl on a MariaDB Galera cluster of three nodes: `make cluster`; see docs/clusters.md.

The scenarios are in files that pytest does not find by itself: the cluster takes minutes, `make test` has none of it.
"""
