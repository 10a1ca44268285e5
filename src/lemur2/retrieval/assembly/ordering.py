"""Definition before use: the order of the statements of a closure (paper, section 9.3.2)."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def order(
    nodes: Iterable[Node],
    hard: Mapping[Node, set[Node]],
    soft: Mapping[Node, set[Node]],
    callers: Collection[Node],
    rank: Callable[[Node], tuple[int, ...]],
) -> list[Node]:
    """Nodes so that what a node needs comes before it.

    What runs when a statement does (`hard`) always comes first. What only runs when something is
    called later (`soft`) comes first too, except within a cycle. There it does for `callers`,
    which may call right away what they need, unless that is a cycle itself; else the lower rank
    comes first.

    Args:
        nodes: All nodes.
        hard: What must come before a node.
        soft: What should.
        callers: Statements that call functions when they run.
        rank: Decides where the needs leave it open.
    """
    ranked = sorted(nodes, key=rank)
    everything = {node: sorted(hard[node] | soft[node], key=rank) for node in ranked}
    ordered: list[Node] = []
    for component in _components(ranked, everything):
        inside = set(component)
        needs = {node: (hard[node] & inside) - {node} for node in component}
        wishes = {
            node: _reachable(needs[node], everything, inside) - {node}
            for node in component
            if node in callers and len(component) > 1
        }
        ordered += _by_needs(sorted(component, key=rank), needs, wishes)
    return ordered


def _reachable(
    starts: Iterable[Node], needs: Mapping[Node, list[Node]], inside: set[Node]
) -> set[Node]:
    """What may run when the starts are called."""
    found: set[Node] = set()
    stack = [*starts]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += [needed for needed in needs[node] if needed in inside]
    return found


def _by_needs(
    ranked: list[Node], hard: Mapping[Node, set[Node]], wishes: Mapping[Node, set[Node]]
) -> list[Node]:
    """One cycle's nodes: by what must come before, then by what should, then by rank."""
    numbers = {node: number for number, node in enumerate(ranked)}
    missing = {node: len(hard[node]) for node in ranked}
    wished = {node: len(wishes.get(node, ())) for node in ranked}
    users: dict[Node, list[Node]] = defaultdict(list)
    fans: dict[Node, list[Node]] = defaultdict(list)
    for node in ranked:
        for needed in hard[node]:
            users[needed].append(node)
        for needed in wishes.get(node, ()):
            fans[needed].append(node)
    # Nodes whose wishes are met come before those that have some left.
    ready = [(wished[node], numbers[node]) for node in ranked if not missing[node]]
    heapq.heapify(ready)
    done: set[Node] = set()
    ordered: list[Node] = []
    while ready:
        wish, number = heapq.heappop(ready)
        node = ranked[number]
        if node in done or wish != wished[node]:
            continue
        done.add(node)
        ordered.append(node)
        for fan in fans[node]:
            wished[fan] -= 1
            if not missing[fan]:
                heapq.heappush(ready, (wished[fan], numbers[fan]))
        for user in users[node]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, (wished[user], numbers[user]))
    return ordered + [node for node in ranked if node not in done]


def _components(nodes: list[Node], needs: Mapping[Node, list[Node]]) -> list[list[Node]]:
    """Strongly connected components, each after those that it needs (Tarjan's algorithm)."""
    number: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    found: list[list[Node]] = []
    for start in nodes:
        if start in number:
            continue
        work = [(start, iter(needs[start]))]
        number[start] = low[start] = len(number)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, rest = work[-1]
            for needed in rest:
                if needed not in number:
                    number[needed] = low[needed] = len(number)
                    stack.append(needed)
                    on_stack.add(needed)
                    work.append((needed, iter(needs[needed])))
                    break
                if needed in on_stack:
                    low[node] = min(low[node], number[needed])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    found.append(_pop(stack, on_stack, node))
    return found


def _pop(stack: list[Node], on_stack: set[Node], until: Node) -> list[Node]:
    component: list[Node] = []
    while True:
        node = stack.pop()
        on_stack.discard(node)
        component.append(node)
        if node == until:
            return component
