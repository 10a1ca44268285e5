"""Statistics over a corpus, and the report that shows them (section 13 of the supplement).

- Plain functions on frames and arrays: `ranking`, `pareto`, `curves`, `association`, `balance`,
  `intervals`, `fewshot`.
- `material` reads a corpus into frames; `sections/` says what the report shows; `drawing/` draws;
  `writing/` writes; `report.write_report` runs them all.
"""

from lemur2.statistics.material import Material, load
from lemur2.statistics.report import Written, write_report

__all__ = ["Material", "Written", "load", "write_report"]
