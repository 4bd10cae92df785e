"""Which definitions the system itself comes to: what its scripts, routes and modules lead to.

A definition is reached where something reached mentions it.  Names are resolved as far as the text
tells; a name that cannot be resolved counts as a mention of every definition of that name, so that
what is said not to be reached is not.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator

from audit_lib.probes.code.keyflow.calls import Calls
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import Code
from audit_lib.subject.units import MODULE, Unit
from audit_lib.subject.uses import dotted

#: decorators that hand a function to nobody
_PLAIN = frozenset(
    {"property", "cached_property", "staticmethod", "classmethod", "dataclass", "abstractmethod",
     "lru_cache", "cache", "wraps", "contextmanager", "overload", "setter", "njit", "jit"}
)  # fmt: skip


class Reachable:
    """Definitions that the system comes to from its own entries.

    Attributes:
        calls: the code by unit.
        keys: keys of the units that are reached.
    """

    def __init__(self, code: Code) -> None:
        self.code, self.calls = code, Calls(code)
        self._by_name: dict[str, list[Unit]] = defaultdict(list)
        for unit in self.calls.units.values():
            if unit.name != MODULE:
                self._by_name[_last(unit.name)].append(unit)
        self.keys = self._reached()

    def _reached(self) -> frozenset[str]:
        keys: set[str] = set()
        waiting: dict[str, set[str]] = defaultdict(set)  # class to its members, mentioned before it
        queue = [u for u in self.calls.units.values() if not is_aside(u.path) and self._root(u)]
        while queue:
            unit = queue.pop()
            if unit.key in keys:
                continue
            outer = self._outer(unit)
            if outer is not None and outer.key not in keys and not self._root(unit):
                waiting[outer.key].add(unit.key)
                continue
            keys.add(unit.key)
            queue += [self.calls.units[key] for key in waiting.pop(unit.key, ())]
            queue += self._mentioned(unit)
            if isinstance(unit.node, ast.ClassDef):
                queue += self._run_by_others(unit)
        return frozenset(keys)

    def _root(self, unit: Unit) -> bool:
        """Module level, and what a decorator hands to somebody."""
        decorators = getattr(unit.node, "decorator_list", [])
        names = {_last(dotted(d.func if isinstance(d, ast.Call) else d)) for d in decorators}
        return unit.name == MODULE or bool(names - _PLAIN)

    def _outer(self, unit: Unit) -> Unit | None:
        """The class or function around a definition; None at the top level."""
        outer = self.code.files[unit.path].units[unit.parent] if unit.parent > 0 else None
        return outer if outer is not None and outer.key in self.calls.units else None

    def _mentioned(self, unit: Unit) -> Iterator[Unit]:
        """Definitions that a unit mentions, in its signature, decorators and bases too."""
        nodes = [n for n in self.calls.own(unit) if not _listing(n)]
        if not isinstance(unit.node, ast.Module) and unit.node is not None:
            body = set(map(id, unit.node.body))
            heads = [n for n in ast.iter_child_nodes(unit.node) if id(n) not in body]
            nodes += [n for head in heads for n in ast.walk(head)]
        for node in nodes:
            text = dotted(node) if isinstance(node, ast.Name | ast.Attribute) else ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from self._by_name.get(_last(node.value.replace(":", ".")), ())
            elif isinstance(node, ast.Name | ast.Attribute):
                thing = self._thing(unit, text)
                if thing is not None:
                    yield from self._spellings(thing)
                else:
                    name = node.id if isinstance(node, ast.Name) else node.attr
                    yield from (u for u in self._by_name.get(name, ()) if self._may(unit, u, text))

    def _thing(self, unit: Unit, text: str) -> Unit | None:
        """The definition that a dotted name is known to be."""
        if not text or text.count(".") > 2:
            return None
        return self.code.references.chain(unit, text).unit

    def _spellings(self, unit: Unit) -> Iterator[Unit]:
        """A definition, and what redefines its name in the same scope (overloads, setters)."""
        scope = unit.name.rpartition(".")[0]
        for other in self._by_name[_last(unit.name)]:
            if other.path == unit.path and other.name.rpartition(".")[0] == scope:
                yield other

    def _may(self, unit: Unit, other: Unit, text: str) -> bool:
        """Whether an unresolved name may be that definition: no local and no import of its own."""
        if "." in text or not text:
            return True
        return text not in unit.uses.binds or other.path == unit.path

    def _run_by_others(self, cls: Unit) -> Iterator[Unit]:
        """Methods that Python calls itself, and all of a class with a base from outside."""
        assert isinstance(cls.node, ast.ClassDef)
        outside = any(base is None for base in self.code.references.bases(cls))
        for unit in self.code.files[cls.path].units:
            outer, _, name = unit.name.rpartition(".")
            if outer == cls.name and (outside or name.startswith("__")):
                yield unit


def _last(name: str) -> str:
    return name.rpartition(".")[2].partition("#")[0]


def _listing(node: ast.AST) -> bool:
    """Names that ``__all__`` lists are offered, not used; so are sentences."""
    return isinstance(node, ast.Constant) and not (
        isinstance(node.value, str) and node.value.replace(".", "").replace(":", "").isidentifier()
    )
