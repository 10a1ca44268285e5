"""How an origin itself constructs its blocks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from lemur2.retrieval.index.names import Definition
from lemur2.retrieval.index.origin_view import OriginView
from lemur2.retrieval.values import Block

_MOST = 4  # use sites that are told of one block


def use_sites(view: OriginView, block: Block) -> list[dict[str, str]]:
    """Arguments of a block's calls in its own library, texts by parameter, the fullest first."""
    wanted, found = Definition(block.module, block.name), Counter[str]()
    for module, chain, arguments in view.calls(block.name):
        if view.names.resolve_chain(module, chain).target == wanted:
            found[json.dumps(_by_parameter(block, json.loads(arguments)))] += 1
    calls = [(json.loads(text), count) for text, count in found.items()]
    calls.sort(key=lambda call: (-len(call[0]), -call[1]))
    return [call for call, _ in calls if call][:_MOST]


def _by_parameter(block: Block, arguments: Mapping[str, str]) -> dict[str, str]:
    """With names for positions; what has none is left out."""
    names = [p.name for p in block.parameters if p.kind == "positional"]
    found = {}
    for key, text in sorted(arguments.items()):
        if not key.isdigit():
            found[key] = text
        elif int(key) < len(names):
            found[names[int(key)]] = text
    return found
