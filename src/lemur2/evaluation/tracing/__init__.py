"""Worker side: what a network's numbers are made of, found by running it on numbers that remember.

Every number that is written in a candidate's file is replaced, while it is traced, by one that
behaves the same and knows where it was written (`symbols`, `instrument`). Arithmetic on such
numbers gives numbers that know their formula, so that when a layer is built, each of its sizes is
a formula over places in the source, whatever the way there: variables, attributes, lists, loops,
helper functions, default arguments. One forward pass under `LeafTracer` then says which sizes
must agree (`rules`), and `ModuleSourceTracer` which call made which module.

The result (`job.trace`) is JSON; what a mutation is planned from in `lemur2.generators.mutation`.
After section 5, stages 1 and 2, of the paper's supplement.
"""
