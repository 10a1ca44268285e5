"""Worker side of the block library: how far does an extracted block get, and with what?

A block is a source file that stands alone and the class in it that was asked for. `trial` imports
it, finds arguments (`arguments`, by the tables in `conventions` and `settings`) and inputs
(`inputs`) for it, learning from the errors that it raises (`repair`), and runs it forward and
backward. What is reported is what a last run from the reported text alone gave.
"""
