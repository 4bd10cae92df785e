"""Parameters of functions and constructors, read from syntax trees, and whether calls fit them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.references import References
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

ParameterKind = Literal["positional", "either", "keyword", "args", "kwargs"]

#: Decorators under which a function keeps its parameters.
_TRANSPARENT = frozenset(
    {"staticmethod", "classmethod", "lru_cache", "cache", "contextmanager", "abstractmethod",
     "asynccontextmanager", "override", "final", "no_type_check", "wraps", "overload"}
)  # fmt: skip
#: Decorators under which a class keeps its constructor.
_PLAIN_DECORATORS = frozenset(
    {"dataclass", "final", "total_ordering", "runtime_checkable", "dataclass_json", "unique"}
)
_PLAIN_BASES = frozenset({"object", "ABC", "Protocol", "Generic"})


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        default: source text of the default; None where a value is required.
    """

    name: str
    kind: ParameterKind
    default: str | None = None
    annotation: str = ""

    @property
    def required(self) -> bool:
        """True where a call must give it."""
        return self.default is None and self.kind not in ("args", "kwargs")


@dataclass(frozen=True)
class Signature:
    """The parameters of a callable, as its caller sees them."""

    parameters: tuple[Parameter, ...]
    returns: str = ""

    def names(self) -> list[str]:
        """Parameter names, in order."""
        return [p.name for p in self.parameters]

    def get(self, name: str) -> Parameter | None:
        """The parameter of that name."""
        return next((p for p in self.parameters if p.name == name), None)

    def without_first(self) -> Signature:
        """As bound to an instance or class; what takes any number takes the instance too."""
        taken = bool(self.parameters) and self.parameters[0].kind != "args"
        return Signature(self.parameters[taken:], self.returns)

    def __str__(self) -> str:
        shown = (p.name if p.default is None else f"{p.name}={p.default}" for p in self.parameters)
        return f"({', '.join(shown)})"

    def refusal(self, call: ast.Call) -> str:
        """Why the call does not fit; '' where it does, or where it cannot be told (``*args``)."""
        if any(isinstance(a, ast.Starred) for a in call.args) or any(
            k.arg is None for k in call.keywords
        ):
            return ""
        places = [p for p in self.parameters if p.kind in ("positional", "either")]
        open_ended = {p.kind for p in self.parameters}
        given = {p.name for p in places[: len(call.args)]}
        if len(call.args) > len(places) and "args" not in open_ended:
            return f"takes {len(places)} positional arguments, {len(call.args)} are given"
        for keyword in call.keywords:
            name = keyword.arg or ""
            own = self.get(name)
            taken = own is None or own.kind != "positional" or "kwargs" not in open_ended
            if name in given and taken:
                return f"gets {name!r} twice"
            if (own is None or own.kind in ("positional", "args")) and ("kwargs" not in open_ended):
                return f"has no parameter {name!r}"
            if own is None or own.kind != "positional":
                given.add(name)
        missing = [p.name for p in self.parameters if p.required and p.name not in given]
        return f"needs {', '.join(map(repr, missing))}" if missing else ""


def signature_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    """Signature of a definition, ``self`` included."""
    a = node.args
    placed = [*a.posonlyargs, *a.args]
    defaults: list[ast.expr | None] = [None] * (len(placed) - len(a.defaults)) + list(a.defaults)
    params = [
        _parameter(x, "positional" if i < len(a.posonlyargs) else "either", default)
        for i, (x, default) in enumerate(zip(placed, defaults, strict=True))
    ]
    if a.vararg:
        params.append(_parameter(a.vararg, "args", None))
    params += [
        _parameter(x, "keyword", d) for x, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)
    ]
    if a.kwarg:
        params.append(_parameter(a.kwarg, "kwargs", None))
    return Signature(tuple(params), ast.unparse(node.returns) if node.returns else "")


def parse_signature(text: str) -> Signature | None:
    """Signature written as ``def f(a, b=1) -> X`` or ``(a, b=1)``; None where it does not parse."""
    body = text.strip().rstrip(":")
    if body.startswith("("):
        body = "def f" + body
    try:
        tree = ast.parse(f"{body}: ...")
    except (SyntaxError, ValueError):
        return None
    node = tree.body[0] if tree.body else None
    return signature_of(node) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else None


def callable_signature(references: References, unit: Unit) -> Signature | None:
    """What a call of a function or class must fit; ``self`` left out for constructors.

    None where the text does not tell: unknown decorators, metaclasses, bases outside the
    repository, several definitions of the name.
    """
    if references.unit(unit.path, f"{unit.name}#2") is not None or "#" in unit.name:
        return None
    node = unit.node
    if isinstance(node, ast.ClassDef):
        signature = _constructor(references, unit, frozenset())
        return Signature(()) if signature == _OBJECT else signature
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return signature_of(node) if _keeps_parameters(node) else None
    return None


def decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[str]:
    """Last names of the decorators."""
    return [
        dotted(d.func if isinstance(d, ast.Call) else d).rpartition(".")[2]
        for d in node.decorator_list
    ]


def _keeps_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(name in _TRANSPARENT for name in decorators(node))


def _parameter(node: ast.arg, kind: ParameterKind, default: ast.expr | None) -> Parameter:
    return Parameter(
        node.arg,
        kind,
        ast.unparse(default) if default is not None else None,
        ast.unparse(node.annotation) if node.annotation else "",
    )


_OBJECT: Literal["object"] = "object"


def _constructor(
    references: References, cls: Unit, seen: frozenset[str]
) -> Signature | Literal["object"] | None:
    """Signature of a class's constructor; ``object`` where none is written anywhere above it."""
    node = cls.node
    assert isinstance(node, ast.ClassDef)
    if cls.key in seen or _made_by_another(references, cls, seen):
        return None
    for name in ("__init__", "__new__"):
        own = references.unit(cls.path, f"{cls.name}.{name}")
        if own is not None:
            signature = callable_signature(references, own)
            return signature.without_first() if signature is not None else None
    names = decorators(node)
    if "dataclass" in names and _PLAIN_DECORATORS.issuperset(names):
        return _dataclass(references, cls)
    if names:
        return None
    if any(dotted(b).rpartition(".")[2] == "NamedTuple" for b in node.bases):
        return Signature(tuple(_fields(node, keyword_only=False)))
    for base, written in zip(references.bases(cls), node.bases, strict=True):
        if base is not None and isinstance(base.node, ast.ClassDef):
            inherited = _constructor(references, base, seen | {cls.key})
            if inherited != _OBJECT:
                return inherited
        elif _base_name(written) not in _PLAIN_BASES:
            return None
    return _OBJECT


def _made_by_another(references: References, cls: Unit, seen: frozenset[str]) -> bool:
    """True where a metaclass, or what is run for each subclass, may make the constructor."""
    node = cls.node
    if not isinstance(node, ast.ClassDef) or cls.key in seen:
        return False
    below = references.unit(cls.path, f"{cls.name}.__init_subclass__")
    if below is not None and below.node is not None and "__init__" in ast.unparse(below.node):
        return True
    if any(k.arg == "metaclass" and _base_name(k.value) != "ABCMeta" for k in node.keywords):
        return True
    for base, written in zip(references.bases(cls), node.bases, strict=True):
        if isinstance(written, ast.Call):
            return True
        if base is None and _own_but_unknown(references, cls.path, dotted(written)):
            return True
        if base is not None and _made_by_another(references, base, seen | {cls.key}):
            return True
    return False


def _own_but_unknown(references: References, path: str, name: str) -> bool:
    """True for a base that the repository imports from itself by ways that are not followed."""
    nodes = references.index.module(path).bindings.get(name.partition(".")[0], [])
    return any(
        isinstance(n, ast.ImportFrom) and references.index.target_of(path, n).path is not None
        for n in nodes
    )


def _dataclass(references: References, cls: Unit) -> Signature | None:
    node = cls.node
    assert isinstance(node, ast.ClassDef)
    fields_by_name: dict[str, Parameter] = {}
    for base, written in zip(references.bases(cls), node.bases, strict=True):
        if base is None or not isinstance(base.node, ast.ClassDef):
            if _base_name(written) not in _PLAIN_BASES:
                return None
            continue
        if "dataclass" in (above := decorators(base.node)):
            if not _PLAIN_DECORATORS.issuperset(above):
                return None
            inherited = _dataclass(references, base)
            if inherited is None:
                return None
            fields_by_name.update({p.name: p for p in inherited.parameters})
    options = [d for d in node.decorator_list if isinstance(d, ast.Call)]
    keyword_only = any(
        k.arg == "kw_only" and _literal(k.value) is True for d in options for k in d.keywords
    )
    if any(k.arg == "init" for d in options for k in d.keywords):
        return None
    fields_by_name.update({p.name: p for p in _fields(node, keyword_only)})
    return Signature(tuple(sorted(fields_by_name.values(), key=lambda p: p.kind == "keyword")))


def _fields(node: ast.ClassDef, keyword_only: bool) -> Iterator[Parameter]:
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = ast.unparse(statement.annotation)
        if "ClassVar" in annotation:
            continue
        if annotation.rpartition(".")[2] == "KW_ONLY":
            keyword_only = True
            continue
        kind: ParameterKind = "keyword" if keyword_only else "either"
        value = statement.value
        default = ast.unparse(value) if value is not None else None
        if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] == "field":
            options = {k.arg: k.value for k in value.keywords}
            if _literal(options.get("init")) is False:
                continue
            if _literal(options.get("kw_only")) is True:
                kind = "keyword"
            default = _field_default(options)
        yield Parameter(statement.target.id, kind, default, annotation)


def _field_default(options: dict[str | None, ast.expr]) -> str | None:
    for name in ("default", "default_factory", "factory"):  # the last is that of attrs
        if name in options:
            text = ast.unparse(options[name])
            return text if name == "default" else f"{text}()"
    return None


def _literal(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _base_name(node: ast.expr) -> str:
    inner = node.value if isinstance(node, ast.Subscript) else node
    return dotted(inner).rpartition(".")[2]


def differences(declared: Signature, actual: Signature) -> Iterable[tuple[str, str, bool]]:
    """How a signature departs from its declaration: (key, sentence, breaks callers).

    Annotations are not compared: they say the same thing in many ways.
    """
    for parameter in declared.parameters:
        now = actual.get(parameter.name)
        if now is None:
            absorbed = any(p.kind == "kwargs" for p in actual.parameters)
            if not absorbed:
                yield parameter.name, f"parameter {parameter.name!r} is gone", True
        elif now.required and not parameter.required:
            yield parameter.name, f"parameter {parameter.name!r} has become required", True
        elif parameter.required and not now.required and now.default is not None:
            yield (
                parameter.name,
                f"parameter {parameter.name!r} is declared required and has a default",
                False,
            )
        elif not _same_default(parameter.default, now.default):
            yield (
                f"default of {parameter.name}",
                f"default of {parameter.name!r} is {now.default}, declared {parameter.default}",
                True,
            )
    for parameter in actual.parameters:
        if declared.get(parameter.name) is None and parameter.kind not in ("args", "kwargs"):
            yield (
                parameter.name,
                f"parameter {parameter.name!r} is not declared",
                parameter.required,
            )
    yield from _order(declared, actual)


def _order(declared: Signature, actual: Signature) -> Iterator[tuple[str, str, bool]]:
    common = [n for n in declared.names() if actual.get(n)]
    placed = [p.name for p in actual.parameters if p.name in common and p.kind != "keyword"]
    if placed != [n for n in common if n in placed]:
        yield "order", f"parameters stand in another order: {', '.join(placed)}", True


def _same_default(declared: str | None, actual: str | None) -> bool:
    if declared is None or actual is None or declared == actual:
        return True
    try:
        return bool(ast.literal_eval(declared) == ast.literal_eval(actual))
    except (ValueError, SyntaxError, TypeError):
        return True  # a name on one side: its value is not in the text


def called(references: References, unit: Unit, call: ast.Call) -> tuple[Unit, Signature] | None:
    """Definition that a call reaches and the signature it must fit; None where unknown."""
    text = dotted(call.func)
    if not text or text.count(".") > 3:
        return None
    thing = references.chain(unit, text)
    if thing.unit is None or thing.instance:
        return None
    signature = callable_signature(references, thing.unit)
    if signature is None:
        return None
    node = thing.unit.node
    owner = references.files[thing.unit.path].units[max(thing.unit.parent, 0)]
    if isinstance(node, ast.ClassDef) and _in_a_table(references, thing.unit, call):
        return None
    if isinstance(node, ast.ClassDef) or not isinstance(owner.node, ast.ClassDef):
        return thing.unit, signature
    kinds = decorators(node) if isinstance(node, DEFINITIONS) else []
    if "abstractmethod" in kinds:
        return None  # what runs is an override, which may take more
    if "staticmethod" in kinds:
        return thing.unit, signature
    first = text.partition(".")[0]
    if first == "cls" and "classmethod" not in kinds:
        return None
    if first == "self" and references.owner_class(unit) is not None:
        bound = True
    else:
        receiver = text.rpartition(".")[0]
        if receiver in unit.uses.narrowed:
            return None
        base = references.chain(unit, receiver)
        bound = base.instance or "classmethod" in kinds
    return thing.unit, signature.without_first() if bound else signature


def _in_a_table(references: References, cls: Unit, call: ast.Call) -> bool:
    """True where a class under a library's base lists the options of a call as data.

    ``params = (("period", 14),)`` is for the library to read, which then takes the arguments.
    """
    node = cls.node
    if not isinstance(node, ast.ClassDef) or all(b is not None for b in references.bases(cls)):
        return False
    tables = [s.value for s in node.body if isinstance(s, ast.Assign)]
    listed = {n.value for t in tables for n in ast.walk(t) if isinstance(n, ast.Constant)}
    named = {
        k.arg for t in tables for n in ast.walk(t) if isinstance(n, ast.Call) for k in n.keywords
    }
    return bool({k.arg for k in call.keywords if k.arg} & (listed | named))


def fits_an_override(references: References, target: Unit, call: ast.Call) -> bool:
    """True where a method's call fits a definition that a subclass puts in its place.

    A base class may call what only some subclasses answer: a hook with more parameters.
    """
    if isinstance(target.node, ast.ClassDef):
        return False
    for override in references.overrides(target):
        signature = callable_signature(references, override)
        if signature is None:
            return True
        static = isinstance(override.node, DEFINITIONS) and (
            "staticmethod" in decorators(override.node)
        )
        if not (signature if static else signature.without_first()).refusal(call):
            return True
    return False
