"""How often retrieved blocks occur among the best networks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from lemur2.corpus.funnel import wilson
from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import best_per_network, gains
from lemur2.statistics.sections.base import Part, Picture, Section, Table

BEST = 0.1  # share of a benchmark's networks that count as the best
SHOWN = 20  # blocks in the picture
FAMILY = "rag"


class Blocks(Section):
    """Retrieved blocks: in how many networks, and in how many of the best."""

    name = "blocks"
    title = "Retrieved blocks among the best networks"
    paper = "section 9.6.1"

    def build(self, material: Material) -> Part:
        """Shares of `rag-` networks and of single blocks."""
        best = best_per_network(material.ranked)
        if not (best["family"] == FAMILY).any():
            return Part(
                text=(
                    "No network of retrieved blocks (`rag-`) has trials here; "
                    "`lemur2 grow retrieval` makes some.",
                )
            )
        families, tables = _families(best), []
        tables.append(
            Table(
                name="blocks_families",
                title="Networks of retrieved blocks, per benchmark",
                frame=families,
                note="networks: all; retrieved: those named rag-; best: the best tenth; "
                "best_retrieved: those of them named rag-; share, low, high: of the best, with "
                "Wilson's 95% interval.",
                open=True,
            )
        )
        uses = _uses(best, material.blocks)
        if uses.empty:
            return Part(text=(_ABOUT,), tables=tuple(tables))
        tables.append(
            Table(
                name="blocks_used",
                title="Blocks by how often they occur among the best",
                frame=uses,
                note="networks: how many hold the block; best: how many of those are in the best "
                "tenth of rag- networks of a benchmark; median: of their best scores.",
            )
        )
        return Part(text=(_ABOUT,), pictures=(_picture(uses),), tables=tuple(tables))


_ABOUT = (
    "The best are the best tenth of a benchmark's networks by best score. Which blocks a network "
    "holds is known for those that were grown here; imported rag- networks count as a family only."
)


def _families(best: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for label, found in best.groupby("benchmark"):
        retrieved = found["family"] == FAMILY
        if not retrieved.any():
            continue
        top = _top(found)
        count, hits = int(top.sum()), int((top & retrieved).sum())
        low, high = wilson(hits, count)
        rows.append(
            {
                "benchmark": label,
                "networks": len(found),
                "retrieved": int(retrieved.sum()),
                "best": count,
                "best_retrieved": hits,
                "share": hits / count,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def _top(found: pd.DataFrame) -> pd.Series:
    """Which rows are the best tenth, at least one."""
    count = max(1, round(len(found) * BEST))
    return gains(found).rank(method="first", ascending=False) <= count


def _uses(best: pd.DataFrame, blocks: pd.Series) -> pd.DataFrame:
    """A row per block: networks that hold it, how many are among the best, their median."""
    known = best[best["nn"].isin(blocks.index)]
    networks: Counter[str] = Counter()
    tops: Counter[str] = Counter()
    scores: dict[str, list[float]] = {}
    gained: dict[str, list[float]] = {}
    for _, found in known.groupby("benchmark"):
        top = _top(found)
        columns = found["nn"], found["best"], gains(found), top
        for name, score, gain, is_top in zip(*columns, strict=True):
            for block in _names(blocks[name]):
                networks[block] += 1
                tops[block] += bool(is_top)
                scores.setdefault(block, []).append(score)
                gained.setdefault(block, []).append(gain)
    rows = [
        {
            "block": block,
            "networks": count,
            "best": tops[block],
            "share": tops[block] / count,
            "median": float(pd.Series(scores[block]).median()),
            "gain": float(pd.Series(gained[block]).median()),
        }
        for block, count in networks.items()
    ]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    frame = frame.sort_values(["best", "gain", "block"], ascending=[False, False, True])
    return frame.drop(columns="gain")


def _names(parameters: str) -> Iterable[str]:
    """The qualified names of the blocks in what a candidate's generator chose."""
    return sorted({each["block"] for each in json.loads(parameters).get("blocks", [])})


def _picture(uses: pd.DataFrame) -> Picture:
    found = uses.head(SHOWN)
    intervals = [
        wilson(best, count) for best, count in zip(found["best"], found["networks"], strict=True)
    ]
    rows = Rows(
        names=[name.rpartition(".")[2] for name in found["block"]],
        values=(found["share"] * 100).to_numpy(),
        low=[low * 100 for low, _ in intervals],
        high=[high * 100 for _, high in intervals],
        point="share of the block's networks that are among the best tenth",
        span="95% interval (Wilson)",
        notes=[f"{b} of {n}" for b, n in zip(found["best"], found["networks"], strict=True)],
        title="Retrieved blocks: how often their networks are among the best",
        label="share among the best tenth [%]",
        limits=(-2, 102),
    )
    return Picture(
        name="blocks-best",
        title="Retrieved blocks: how often their networks are among the best",
        caption="Blocks with most networks among the best first.",
        draw=lambda: draw_rows(rows),
    )
