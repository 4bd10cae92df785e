"""A scratch store under a registry: asking the hooks, noting each step, and the registry's file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.files import digest_of, read_whole
from audit_lib.host import HookError
from audit_lib.model import Scalar
from audit_lib.probes.lifecycle.registries import Resolution, resolution
from audit_lib.probes.questions.asking import Into, Reply, ask, ask_many, texts
from audit_lib.subject.registry import Registry, read_registry
from audit_lib.subject.subject import Subject

RESOLVE, VERSIONS, REGISTER = "registry.resolve", "registry.versions", "registry.register"
CREATE, PROMOTE = "registry.create", "registry.promote"
ROLLBACK, PRUNE = "registry.rollback", "registry.prune"
FIRST = 9  # so that the second made-up id has one digit more than the first
NOWHERE = "points-nowhere"
#: kinds of file that a writer rewrites whole
WHOLE = frozenset({".json", ".yaml", ".yml", ".toml"})


class Departure(Exception):  # noqa: N818 - what it carries is a finding
    """A relation that does not hold; every relation raises a type of its own."""

    def __init__(self, relation: str, message: str, expected: str, hook: str) -> None:
        super().__init__(message)
        self.relation, self.message, self.expected, self.hook = relation, message, expected, hook


def departure(relation: str, message: str, expected: str, hook: str) -> Departure:
    """Of a type of its own, so that a search tells relations apart."""
    return _kind(relation)(relation, message, expected, hook)


@cache
def _kind(relation: str) -> type[Departure]:
    return type(relation.title().replace(" ", ""), (Departure,), {})


@dataclass(frozen=True)
class Step:
    """One thing done: what, with what, what came of it, and the line of Python that does it."""

    call: str
    given: str
    answer: str
    line: str

    @property
    def row(self) -> tuple[Scalar, ...]:
        """Its row in a table."""
        return self.call, self.given, self.answer


@dataclass
class Scratch:
    """One scratch store, what was done to it, and what is expected of it.

    Attributes:
        subject: whose registry it is.
        store: the scratch copy.
        metrics: what versions are registered with.
        whole: digest of every file of the untouched store.
    """

    subject: Subject
    store: Path
    metrics: dict[str, float]
    whole: dict[str, str]
    steps: list[Step] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    issued: set[str] = field(default_factory=set)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    champion: str | None = None
    reigned: list[str] = field(default_factory=list)
    default: str | None = None
    follows: bool = False
    count: int = FIRST
    noted: list[tuple[Departure, int]] = field(default_factory=list)
    """what broke and spoils nothing, each with the number of steps up to there"""

    # --- asking and noting --------------------------------------------------------------------
    def _ask(self, name: str, *given: Any, into: Into[Any]) -> Reply[Any]:
        reply = ask(self.subject.hook(name).on(self.store), *given, into=into)
        self._note(name, given, reply)
        return reply

    def _note(self, name: str, given: tuple[Any, ...], reply: Reply[Any]) -> None:
        said = reply.why or ("done" if reply.value is None else str(reply.value))
        line = f"print(call({', '.join(map(repr, (name, *given)))}))"
        self.steps.append(Step(name, ", ".join(map(_short, given)), self._plain(said), line))

    def _registered_elsewhere(self, version: str) -> bool:
        hook = self.subject.hook(REGISTER).on(self.store).together()
        try:
            (how,) = hook([[version, self.metrics]])
        except HookError as error:
            raise NotAssessed(f"registry.register cannot be called apart: {error}") from None
        answer = "done" if how["done"] else how["why"]
        line = f"print(apart({REGISTER!r}, {version!r}, {self.metrics!r}))"
        step = Step(f"{REGISTER}, in another process", version, self._plain(answer), line)
        self.steps.append(step)
        return bool(how["done"])

    def _versions(self) -> list[str]:
        reply: Reply[list[str]] = self._ask(VERSIONS, into=texts)
        if reply.answered:
            return reply.got
        if len(self.steps) == 1:
            raise NotAssessed(f"{VERSIONS} {reply.why}")
        raise departure(
            "the registry cannot be read", f"versions(): {reply.why}", "a list", VERSIONS
        )

    def _resolved(self, versions: Sequence[str | None]) -> list[Reply[Resolution]]:
        hook = self.subject.hook(RESOLVE).on(self.store)
        return ask_many(hook, [(v,) for v in versions], into=resolution)

    def _plain(self, text: str) -> str:
        return text.replace(str(self.store), "<store>")[:200]

    # --- the file -----------------------------------------------------------------------------
    def _keep(self, version: str, got: Resolution) -> None:
        """Note the files of a version and what they hold."""
        self.files[version] = {
            name: self.whole.get(name) or digest_of_file(path)
            for name in got.files
            if (path := self.store / name).is_file()
        }

    def _layout(self) -> Path | None:
        artifacts = self.subject.parameters.artifacts
        if artifacts is None or artifacts.registry is None or artifacts.is_mlflow_file_store:
            return None
        return self.store / artifacts.registry.file

    def _held(self) -> bytes | None:
        """Content of the registry file; a second name for it is kept, to tell it from a new one.

        None where it is none that is rewritten whole.
        """
        path = self._layout()
        if path is None or path.suffix not in WHOLE or not path.is_file() or path.is_symlink():
            return None
        self._second_name.unlink(missing_ok=True)
        self._second_name.hardlink_to(path)
        return read_whole(path)

    @property
    def _second_name(self) -> Path:
        return self.store.with_name(f"{self.store.name}.held")

    def _json(self) -> tuple[Path, bytes, Any] | None:
        path = self._layout()
        if path is None or path.suffix != ".json" or not path.is_file():
            return None
        content = read_whole(path)
        try:
            return path, content, json.loads(content)
        except ValueError:
            return None

    def _registry(self) -> Registry | None:
        artifacts = self.subject.parameters.artifacts
        if artifacts is None or self._layout() is None:
            return None
        try:
            return read_registry(self.store, artifacts, self.subject.own_key)
        except NotAssessed:
            return None

    def _pointer(self, role: str) -> str | None:
        registry = self._registry()
        return getattr(registry, role) if registry else None

    def _points(self) -> bool:
        """True where the file has a place for a champion."""
        layout = self.subject.parameters.registry_layout
        return bool(layout and layout.champion)

    def _write(self, file: Path, content: bytes, what: str) -> None:
        written = file.with_name(file.name + ".audit")
        written.write_bytes(content)
        written.replace(file)
        name = file.relative_to(self.store).as_posix()
        line = f"(store / {name!r}).write_bytes({content!r})  # {what}"
        self.steps.append(Step(what, "", "", line))


def _short(given: Any) -> str:
    return "metrics" if isinstance(given, dict) else str(given)


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, kept while its time and size are the same."""
    now = path.stat()
    return _digest(path, (now.st_ino, now.st_mtime_ns, now.st_size))


@lru_cache(maxsize=4096)
def _digest(path: Path, _: tuple[int, ...]) -> str:
    return digest_of(path)
