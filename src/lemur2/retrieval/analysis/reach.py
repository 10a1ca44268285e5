"""Which methods of the classes in a closure something may call.

A method of a class that the target only depends on is needed when its name is read from an object
that may be of that class: from an object of unknown class anywhere in the closure, from `self` or
`super()` in a related class, from the class itself; when a string has its name (`getattr`); when
PyTorch or Python call it by itself; and always where the class inherits from something outside that
is not understood here. The target's own methods are all needed.
"""

from __future__ import annotations

from collections import defaultdict

from lemur2.retrieval.index.names import Definition, Outside
from lemur2.retrieval.index.origin_view import OriginView
from lemur2.retrieval.syntax.anatomy import Unit
from lemur2.retrieval.syntax.scopes import Reads

# What PyTorch itself calls on a module, or a user of any module.
_MODULE_METHODS = frozenset(
    {
        "forward",
        "train",
        "eval",
        "apply",
        "to",
        "cuda",
        "cpu",
        "half",
        "float",
        "double",
        "bfloat16",
        "type",
        "requires_grad_",
        "zero_grad",
        "state_dict",
        "load_state_dict",
        "register_buffer",
        "register_parameter",
        "register_module",
        "add_module",
        "extra_repr",
        "reset_parameters",
        "get_parameter",
        "get_buffer",
        "get_submodule",
        "get_extra_state",
        "set_extra_state",
        "named_parameters",
        "parameters",
        "named_buffers",
        "buffers",
        "named_children",
        "children",
        "named_modules",
        "modules",
        "share_memory",
        "_apply",
        "_get_name",
        "_load_from_state_dict",
        "_save_to_state_dict",
        "_version",
        "_named_members",
        "_replicate_for_data_parallel",
    }
)
_PLAIN_BASES = frozenset(
    {
        "abc.ABC",
        "torch.nn.Module",
        "torch.nn.modules.Module",
        "torch.nn.modules.module.Module",
        "typing.Generic",
        "typing.Protocol",
    }
)
_FIELD_FREE_BASES = _PLAIN_BASES | {"collections.OrderedDict", "enum.Enum"}
_FIELD_FREE_DECORATORS = frozenset({"dataclasses.dataclass"})
_PLAIN_NAMES = frozenset({"object", "Exception", "ValueError", "RuntimeError", "type"})


class Reach:
    """What may be called, as far as the closure has grown.

    Args:
        view: The origin.
        target: The definition that all is done for.
    """

    def __init__(self, view: OriginView, target: Definition) -> None:
        self._view = view
        self._target = target
        self._anywhere: set[str] = set(_MODULE_METHODS)
        self._of_class: dict[Definition, set[str]] = defaultdict(set)
        self._of_classes: set[str] = set()  # the union of those
        self._lines: dict[Definition, frozenset[Definition]] = {}
        self._bases: dict[Definition, list[Definition]] = {}
        self._outside: dict[Definition, list[str]] = {}
        self._units: dict[Definition, Unit] = {}

    def add_class(self, definition: Definition, unit: Unit) -> None:
        """A class is in the closure."""
        self._units[definition] = unit
        self._bases[definition], self._outside[definition] = [], []
        for chain in unit.bases:
            found = self._view.names.resolve_chain(definition.module, chain) if chain else None
            if found is not None and isinstance(found.target, Definition) and not found.rest:
                self._bases[definition].append(found.target)
            elif found is not None and isinstance(found.target, Outside):
                dotted = f"{found.target.dotted}.{found.rest}".rstrip(".")
                self._outside[definition].append(dotted)
            else:
                self._outside[definition].append(chain)

    def note(self, module: str, unit: Unit, reads: Reads) -> None:
        """Code in the closure reads these attributes."""
        self._anywhere |= reads.attributes | reads.strings
        if unit.kind == "class" and unit.binds:
            self._of_class[Definition(module, unit.binds[0])] |= reads.own
            self._of_classes |= reads.own
        else:
            self._anywhere |= reads.own

    def note_attribute(self, definition: Definition, rest: str) -> None:
        """Code in the closure reads attributes of a definition."""
        first, _, deeper = rest.partition(".")
        if first and self._view.class_unit(definition) is not None:
            self._of_class[definition].add(first)
            self._of_classes.add(first)
        elif first:
            self._anywhere.add(first)
        self._anywhere |= {part for part in deeper.split(".") if part}

    def is_needed(self, definition: Definition, method: str) -> bool:
        """Whether something may call that method of a class."""
        if definition == self._target or method in self._anywhere or method.startswith("__"):
            return True
        if self._is_open(definition):
            return True
        return method in self._of_classes and any(
            method in self._of_class[other] for other in self._related(definition)
        )

    def is_certain(self, definition: Definition, method: str) -> bool:
        """Whether more speaks for a method than its name, read from some object or string."""
        if definition == self._target or method.startswith("__") or method in _MODULE_METHODS:
            return True
        return any(method in self._of_class[other] for other in self._related(definition))

    def evaluated_fields(self) -> set[Definition]:
        """The classes whose annotations may be evaluated: those that do so, and their bases."""
        found: set[Definition] = set()
        for definition in list(self._bases):
            if definition not in found and self._evaluates_fields(definition):
                found.update(self._ancestors(definition))
        return found

    def _evaluates_fields(self, definition: Definition) -> bool:
        """Whether the annotations in a class body may be evaluated when it is made.

        By a decorator, a metaclass, `__init_subclass__` or a base class outside, unless it is
        known that these do not.
        """
        for ancestor in sorted(self._ancestors(definition), key=str):
            unit = self._view.class_unit(ancestor)
            if unit is None:
                continue
            if ancestor == definition and any(
                not self._is_field_free(ancestor.module, d.chain) for d in unit.decorators
            ):
                return True
            if any(_evaluates(member.name, member.reads) for member in unit.members):
                return True
            if any(b not in _FIELD_FREE_BASES | _PLAIN_NAMES for b in self._outside_of(ancestor)):
                return True
        return False

    def _is_field_free(self, module: str, chain: str) -> bool:
        target = self._view.names.resolve_chain(module, chain).target
        return isinstance(target, Outside) and target.dotted in _FIELD_FREE_DECORATORS

    def _outside_of(self, definition: Definition) -> list[str]:
        if definition not in self._outside:
            unit = self._view.class_unit(definition)
            if unit is None:
                return []
            self.add_class(definition, unit)
        return self._outside[definition]

    def _is_open(self, definition: Definition) -> bool:
        """Whether a class inherits from something outside that may call any of its methods."""
        return any(
            base not in _PLAIN_BASES | _PLAIN_NAMES
            for ancestor in self._ancestors(definition)
            for base in self._outside_of(ancestor)
        )

    def _ancestors(self, definition: Definition) -> frozenset[Definition]:
        """A class and those of the origin that it inherits from."""
        if definition not in self._lines:
            stack, seen = [definition], {definition}
            while stack:
                found = stack.pop()
                self._outside_of(found)
                for base in self._bases.get(found, ()):
                    if base not in seen:
                        seen.add(base)
                        stack.append(base)
            self._lines[definition] = frozenset(seen)
        return self._lines[definition]

    def _related(self, definition: Definition) -> set[Definition]:
        """The classes of which one object may be together with this one: its `self`."""
        related: set[Definition] = set()
        for other in list(self._bases):
            ancestors = self._ancestors(other)
            if definition in ancestors:
                related |= ancestors
        return related | {definition}


def _evaluates(method: str, reads: Reads) -> bool:
    if method not in ("__init_subclass__", "__new__", "__prepare__", "__set_name__"):
        return False
    chains = reads.lazy | reads.eager
    return (
        any(chain.rpartition(".")[2] == "get_type_hints" for chain in chains)
        or "__annotations__" in reads.attributes | reads.own | reads.strings
    )
