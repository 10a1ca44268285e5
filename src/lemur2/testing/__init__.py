"""Conformance suites to inherit: one for each thing that a package can add to lemur2.

They are pytest classes. Subclass one in a test file, override its first fixture, and its tests run
on your class. Ours run on everything that lemur2 registers. Needs pytest (and nothing else).
"""

from lemur2.testing.generators import GeneratorSuite

__all__ = ["GeneratorSuite"]
