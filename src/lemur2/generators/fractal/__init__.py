"""FractalNet: self-similar networks of parallel columns that join by their mean.

After section 8 of the paper's supplement and after Larsson, Maire and Shakhnarovich, "FractalNet:
Ultra-Deep Neural Networks without Residuals", 2017 (arXiv 1605.07648). `space` says which
networks there are and samples them, `template` writes them, `generator` proposes them; the grow
loop is the runner.
"""

from lemur2.generators.fractal.blueprint import Blueprint
from lemur2.generators.fractal.generator import FractalConfig, FractalGenerator
from lemur2.generators.fractal.template import write_source

__all__ = ["Blueprint", "FractalConfig", "FractalGenerator", "write_source"]
