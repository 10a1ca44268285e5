"""Definition before use: the order of the statements of a closure (paper, section 9.3.2)."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def order(
    nodes: Iterable[Node],
    hard: Mapping[Node, set[Node]],
    soft: Mapping[Node, set[Node]],
    rank: Callable[[Node], tuple[int, ...]],
) -> list[Node]:
    """Nodes so that what a node needs comes before it.

    What runs when a statement does (`hard`) always comes first. What only runs when something is
    called later (`soft`) comes first too, except within a cycle: there the lower rank does.

    Args:
        nodes: All nodes.
        hard: What must come before a node.
        soft: What should.
        rank: Decides where the needs leave it open.
    """
    ranked = sorted(nodes, key=rank)
    everything = {node: sorted(hard[node] | soft[node], key=rank) for node in ranked}
    ordered: list[Node] = []
    for component in _components(ranked, everything):
        ordered += _by_needs(component, hard, rank)
    return ordered


def _by_needs(
    component: list[Node], needs: Mapping[Node, set[Node]], rank: Callable[[Node], tuple[int, ...]]
) -> list[Node]:
    """One cycle's nodes: by what must come before, then by rank."""
    inside = set(component)
    missing = {node: len((needs[node] & inside) - {node}) for node in component}
    users: dict[Node, list[Node]] = defaultdict(list)
    for node in component:
        for needed in (needs[node] & inside) - {node}:
            users[needed].append(node)
    numbers = {node: number for number, node in enumerate(sorted(component, key=rank))}
    by_number = {number: node for node, number in numbers.items()}
    ready = [numbers[node] for node in component if not missing[node]]
    heapq.heapify(ready)
    ordered: list[Node] = []
    while ready:
        node = by_number[heapq.heappop(ready)]
        ordered.append(node)
        for user in users[node]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, numbers[user])
    left = sorted(inside - set(ordered), key=rank)
    return ordered + left  # a true cycle of definitions: as the modules had it


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
