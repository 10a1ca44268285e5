"""Conformance suites for third-party generators, tasks, data sets, metrics and transforms."""
