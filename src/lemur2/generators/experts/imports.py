"""Import statements of several files, merged into one head in which every name means one thing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lemur2.generators.experts.scopes import Unclear


@dataclass(frozen=True, order=True)
class Binding:
    """One name that an import statement binds.

    Attributes:
        name: The name.
        target: What it is, as a dotted path: `torch.nn` for both `from torch import nn` and
            `import torch.nn as nn`.
        module: The module of a `from` import; "" for a plain one.
        loads: The module that a plain import loads: `torch.utils.checkpoint`, though it binds
            `torch`; "" for a `from` import.
    """

    name: str
    target: str
    module: str = ""
    loads: str = ""

    def statement(self, name: str) -> str:
        """The import that binds it as `name`."""
        if not self.module:
            return f"import {self.loads}" + (f" as {name}" if name != self._root else "")
        member = self.target.removeprefix(f"{self.module}.")
        return f"from {self.module} import {member}" + (f" as {name}" if name != member else "")

    @property
    def _root(self) -> str:
        return self.loads.partition(".")[0]


def bindings(statement: ast.Import | ast.ImportFrom) -> Iterator[Binding]:
    """What an import statement binds.

    Raises:
        Unclear: A star import, or one relative to a package.
    """
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            root = alias.name.partition(".")[0]
            target = alias.name if alias.asname else root
            yield Binding(alias.asname or root, target, loads=alias.name)
        return
    if statement.level or not statement.module:
        raise Unclear("a relative import")
    for alias in statement.names:
        if alias.name == "*":
            raise Unclear(f"everything is imported from {statement.module}")
        target = f"{statement.module}.{alias.name}"
        yield Binding(alias.asname or alias.name, target, module=statement.module)


@dataclass
class Imports:
    """The imports of a file that is put together from several.

    Attributes:
        taken: Names that something else has; no import may have them, or get them.
    """

    taken: set[str]
    _targets: dict[str, str] = field(default_factory=dict)  # name -> what it means
    _statements: set[str] = field(default_factory=set)
    _futures: set[str] = field(default_factory=set)

    def add(self, wanted: Iterable[Binding]) -> Mapping[str, str]:
        """Take a file's imports in; the names that had to change, and how they are called now.

        Raises:
            Unclear: A package's name is taken, so that its submodules cannot be reached.
        """
        renamed: dict[str, str] = {}
        for binding in wanted:
            if binding.module == "__future__":
                self._futures.add(binding.name)
                continue
            name = self._name_for(binding)
            if name != binding.name:
                renamed[binding.name] = name
            known = name in self._targets
            self._targets[name] = binding.target
            # One way to bind a name is enough, but every submodule has to be loaded.
            if not known or binding.loads not in ("", binding.target):
                self._statements.add(binding.statement(name))
        return renamed

    def _name_for(self, binding: Binding) -> str:
        known = self._targets.get(binding.name)
        if known == binding.target or (known is None and binding.name not in self.taken):
            return binding.name
        if binding.loads not in ("", binding.target):
            raise Unclear(f"the name of the package {binding.target} is taken")
        for name, target in self._targets.items():
            if target == binding.target:
                return name
        return free_name(binding.target.replace(".", "_"), self.taken | set(self._targets))

    @property
    def names(self) -> set[str]:
        """The names that are bound."""
        return set(self._targets)

    def lines(self) -> list[str]:
        """The statements: `__future__` first, plain imports before `from` imports."""
        future = [f"from __future__ import {', '.join(sorted(self._futures))}", ""]
        plain = sorted(each for each in self._statements if each.startswith("import "))
        members: dict[str, list[str]] = {}
        for each in sorted(self._statements.difference(plain)):
            head, _, member = each.partition(" import ")
            members.setdefault(head, []).append(member)
        return [
            *(future if self._futures else []),
            *plain,
            *(f"{head} import {', '.join(names)}" for head, names in members.items()),
        ]


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken."""
    taken, name, number = set(taken), wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name
