"""Boundaries between parts of a repository, as they are declared.

Two forms are read.  The first is a document of the repository (``documents.boundaries``): a list
``boundaries`` of mappings with ``id``, ``consumer_module``, ``provider_module``, ``boundary_risk``,
``audit_notes`` (prose, see ``notes.py``), ``symbols`` (``name``, ``defined_in``, ``imported_by``,
``import_type``, ``signature``, ``parameters``, ``constructor_params``, ``key_methods``,
``current_value``) and ``shared_artifacts`` (``path``, ``writer``, ``readers``, ``schema_fields``).

The second is ours, ``boundaries.yaml`` beside ``subject.yaml``; an entry with the id of a declared
boundary adds to it::

    boundaries:
      predictor_to_features:
        risk: high
        consumer: predictor.py          # files, globs or folders; one or a list
        provider: features.py
        symbols:
          build: {in: features.py, signature: "(panel)"}
          Predictor: {in: predictor.py, constructor: [store], methods: {predict: "(self, rows)"}}
          HORIZON: {in: targets.py, value: 5}
        artifacts:
          - {path: "store/*/meta.json", writer: train.py, readers: [predictor.py], fields: [heads]}
        checks: [FEA001, "HED*"]        # a finding of these breaks the boundary
        note: 2 import edges, all top-level
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.model import Location
from audit_lib.subject.documents import Document
from audit_lib.subject.imports import ImportGraph
from audit_lib.subject.parameters import explain
from audit_lib.subject.pointers import pointer_to
from audit_lib.subject.source import matches

FILE = "boundaries.yaml"


@dataclass(frozen=True)
class Symbol:
    """Something that crosses a boundary.

    Attributes:
        names: identifiers; a trailing ``*`` stands for any ending.
        more: at least so many names cross in all, where the declaration says "and 15+ constants".
        defined_in, imported_by: files; empty where not declared.
        types: import types it may have; empty where not declared.
        signature: declared signature, as text.
        constructor: declared constructor parameters; None where not declared.
        methods: method to declared signature.
        value: declared literal, as text; None where not declared.
    """

    names: tuple[str, ...]
    location: Location
    more: int = 0
    defined_in: tuple[str, ...] = ()
    imported_by: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    signature: str = ""
    constructor: tuple[str, ...] | None = None
    methods: dict[str, str] = field(default_factory=dict)
    value: str | None = None


@dataclass(frozen=True)
class SharedArtifact:
    """A file that one part writes and another reads."""

    path: str
    writer: str
    readers: tuple[str, ...]
    fields: tuple[str, ...]
    location: Location


@dataclass(frozen=True)
class Boundary:
    """A declared boundary."""

    id: str
    risk: str
    consumer: tuple[str, ...]
    provider: tuple[str, ...]
    symbols: tuple[Symbol, ...]
    artifacts: tuple[SharedArtifact, ...]
    location: Location
    checks: tuple[str, ...] = ()
    note: str = ""

    def files(self) -> set[str]:
        """Every file that the declaration names."""
        named = {f for s in self.symbols for f in (*s.defined_in, *s.imported_by)}
        return named | {f for a in self.artifacts for f in (a.writer, *a.readers)}

    def consumes(self, graph: ImportGraph, path: str) -> bool:
        """True for files on the consuming side."""
        return _within(graph, path, self.consumer) or any(
            path in s.imported_by for s in self.symbols
        )

    def provides(self, graph: ImportGraph, path: str) -> bool:
        """True for files on the providing side."""
        return _within(graph, path, self.provider) or any(
            path in s.defined_in for s in self.symbols
        )

    def touches(self, graph: ImportGraph, paths: Iterable[str]) -> bool:
        """True where any of the files stands on either side."""
        named = self.files()
        return any(p in named or self.consumes(graph, p) or self.provides(graph, p) for p in paths)


def _within(graph: ImportGraph, path: str, places: Sequence[str]) -> bool:
    return any(
        path == place
        or graph.group(path) == place
        or path.startswith(place.rstrip("/") + "/")
        or matches(path, place)
        for place in places
    )


# --- the repository's document --------------------------------------------------------------------
_NOTES = ("audit_notes", "notes", "note")
_TYPES = ("top_level", "conditional", "lazy")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\*?")
_MORE = re.compile(r"(\d+)\+? (?:\w+ )?(?:constants|classes|functions|symbols|names)")
_PYTHON_FILE = re.compile(r"[\w./-]+\.pyi?\b")


def from_document(document: Document) -> list[Boundary]:
    """Boundaries of the repository's own document.

    Raises:
        NotAssessed: it does not have the form above.
    """
    rows = document.get("/boundaries")
    if not isinstance(rows, list):
        raise NotAssessed(f"{document.path} holds no list at /boundaries")
    return [
        _boundary(document, row, f"/boundaries/{position}")
        for position, row in enumerate(rows)
        if isinstance(row, dict) and row.get("id")
    ]


def _boundary(document: Document, row: dict[str, Any], pointer: str) -> Boundary:
    symbols = [s for s in _listed(row.get("symbols")) if isinstance(s, dict)]
    artifacts = [a for a in _listed(row.get("shared_artifacts")) if isinstance(a, dict)]
    return Boundary(
        id=str(row["id"]),
        risk=str(row.get("boundary_risk", "")).lower(),
        consumer=_modules(row.get("consumer_module")),
        provider=_modules(row.get("provider_module")),
        symbols=tuple(
            _symbol(s, document.location(f"{pointer}/symbols/{i}")) for i, s in enumerate(symbols)
        ),
        artifacts=tuple(
            SharedArtifact(
                str(a.get("path", a.get("artifact", ""))),
                str(a.get("writer", "")),
                _texts(a.get("readers")),
                _texts(a.get("schema_fields")),
                document.location(f"{pointer}/shared_artifacts/{i}"),
            )
            for i, a in enumerate(artifacts)
        ),
        location=document.location(pointer),
        note=" ".join(str(row[k]) for k in _NOTES if row.get(k)),
    )


def _symbol(row: dict[str, Any], location: Location) -> Symbol:
    text = str(row.get("name", ""))
    more = _MORE.search(text)
    pieces = [p.strip().removeprefix("and ").strip() for p in text.split(",")]
    constructor = row.get("constructor_params")
    signature = str(row.get("signature", ""))
    return Symbol(
        names=tuple(p for p in pieces if _IDENTIFIER.fullmatch(p)),
        more=int(more.group(1)) if more else 0,
        location=location,
        defined_in=tuple(_PYTHON_FILE.findall(str(row.get("defined_in", "")))),
        imported_by=tuple(_PYTHON_FILE.findall(str(row.get("imported_by", "")))),
        types=frozenset(t for t in _TYPES if t in str(row.get("import_type", ""))),
        signature=signature if signature.startswith(("def ", "async def ")) else "",
        constructor=None
        if constructor is None
        else tuple(str(p.get("name")) for p in _listed(constructor) if isinstance(p, dict)),
        methods={
            str(m.get("name")): str(m.get("signature", ""))
            for m in _listed(row.get("key_methods"))
            if isinstance(m, dict)
        },
        value=None if row.get("current_value") is None else str(row["current_value"]),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(v) for v in _listed(value))


def _modules(value: Any) -> tuple[str, ...]:
    """Names of modules; a text may hold several, set apart by commas."""
    return tuple(part.strip() for text in _texts(value) for part in text.split(",") if part.strip())


# --- our own form ---------------------------------------------------------------------------------
def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _SymbolForm(_Form):
    where: Texts = Field((), alias="in")
    by: Texts = ()
    type: Annotated[
        tuple[Literal["top_level", "conditional", "lazy"], ...], BeforeValidator(_as_list)
    ] = ()
    signature: str = ""
    constructor: Texts | None = None
    methods: dict[str, str] = {}
    value: Any = None


class _ArtifactForm(_Form):
    path: str
    writer: str = ""
    readers: Texts = ()
    fields: Texts = ()


class _BoundaryForm(_Form):
    risk: Literal["", "low", "medium", "high", "critical"] = ""
    consumer: Texts = ()
    provider: Texts = ()
    symbols: dict[str, _SymbolForm | None] = {}
    artifacts: tuple[_ArtifactForm, ...] = ()
    checks: Texts = ()
    note: str = ""


class _FileForm(_Form):
    boundaries: dict[str, _BoundaryForm]


def from_ours(document: Document, where: str) -> list[Boundary]:
    """Boundaries of our own file.

    Raises:
        ParameterError: a key or value does not fit; the message names it, and the nearest key.
    """
    if not isinstance(document.data, dict) or not isinstance(document.get("/boundaries"), dict):
        raise ParameterError(
            "holds no mapping `boundaries`", where=where, mend="begin with `boundaries:`"
        )
    try:
        form = _FileForm.model_validate(document.data)
    except ValidationError as error:
        raise ParameterError(
            explain(error, _FileForm), where=where, mend="write the key as it is named here"
        ) from None
    return [_own(document, name, entry) for name, entry in form.boundaries.items()]


def _own(document: Document, name: str, entry: _BoundaryForm) -> Boundary:
    pointer = pointer_to("boundaries", name)
    homes = tuple(p for p in entry.provider if p.endswith(".py"))
    symbols = []
    for symbol, given in entry.symbols.items():
        facts = given or _SymbolForm()
        symbols.append(
            Symbol(
                names=(symbol,),
                location=document.location(pointer, "symbols", symbol),
                defined_in=facts.where or homes,
                imported_by=facts.by,
                types=frozenset(facts.type),
                signature=facts.signature,
                constructor=facts.constructor,
                methods=facts.methods,
                value=None if facts.value is None else str(facts.value),
            )
        )
    artifacts = [
        SharedArtifact(
            a.path, a.writer, a.readers, a.fields, document.location(f"{pointer}/artifacts/{i}")
        )
        for i, a in enumerate(entry.artifacts)
    ]
    return Boundary(
        id=name,
        risk=entry.risk,
        consumer=entry.consumer,
        provider=entry.provider,
        symbols=tuple(symbols),
        artifacts=tuple(artifacts),
        location=document.location(pointer),
        checks=entry.checks,
        note=entry.note,
    )
