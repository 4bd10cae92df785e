"""What a registry says after one operation died half-way, beside what it said before and would say.

The operation runs on a copy of the store in a process that ends at a change of the store.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from audit_lib.host.limits import crowding
from audit_lib.probes.lifecycle.registries import Resolution, resolution
from audit_lib.probes.lifecycle.registry_history.scratch import (
    CREATE,
    PROMOTE,
    PRUNE,
    REGISTER,
    RESOLVE,
    ROLLBACK,
    VERSIONS,
    digest_of_file,
)
from audit_lib.probes.lifecycle.state import tree_digest
from audit_lib.probes.questions.asking import Reply, ask, ask_many, flag, mapping, texts
from audit_lib.subject.subject import Subject

MADE = ("audit-1", "audit-2")
EMPTY, PREPARED = "empty", "-prepared"
FEWEST = 6


@dataclass(frozen=True)
class Look:
    """What a registry says of one store.

    Attributes:
        listed: what ``versions()`` answers.
        default: whom a request without a version gets.
        answers: what each listed version resolves to.
        files: the files of each version that resolves to itself, and their digests; ``empty`` for
            one without content, '' for one that is not there.
    """

    listed: Reply[list[str]]
    default: Reply[Resolution]
    answers: dict[str, Reply[Resolution]]
    files: dict[str, dict[str, str]]

    @property
    def serves(self) -> str | None:
        """Whom a request without a version gets; None where nobody."""
        return self.default.got.version if self.default.answered else None


class Looks:
    """Asks registries, and nothing twice: most deaths leave what another one left.

    What a store holds decides what is answered.  A request for one version is taken to rest on
    every file but those that other versions alone load.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._known: dict[str, Look] = {}
        self._answers: dict[tuple[str, str], Reply[Resolution]] = {}
        self._owners: dict[str, set[str]] = {}

    def at(self, store: Path) -> Look:
        """What the registry in ``store`` says."""
        held = tree_digest(store) | {
            path.relative_to(store).as_posix(): "folder"
            for path in store.rglob("*")
            if path.is_dir() and not path.is_symlink()
        }
        state = _text(held)
        if state not in self._known:
            self._known[state] = self._look(store, held)
        return self._known[state]

    def _look(self, store: Path, held: dict[str, str]) -> Look:
        listed = ask(self.subject.hook(VERSIONS).on(store), into=texts)
        versions = listed.got if listed.answered else []
        keys = {
            v: (v, _text({n: d for n, d in held.items() if self._owners.get(n, {v}) >= {v}}))
            for v in versions
        }
        new = [v for v in versions if keys[v] not in self._answers]
        resolve = self.subject.hook(RESOLVE).on(store)
        *replies, default = ask_many(resolve, [*((v,) for v in new), (None,)], into=resolution)
        self._answers |= {keys[v]: reply for v, reply in zip(new, replies, strict=True)}
        answers = {v: self._answers[keys[v]] for v in versions}
        files = {
            version: {name: _digest(store / name) for name in reply.got.files}
            for version, reply in answers.items()
            if reply.answered and reply.got.version == version
        }
        for version, names in files.items():
            for name in names:
                self._owners.setdefault(name, set()).add(version)
        return Look(listed, default, answers, files)


@dataclass(frozen=True)
class Left:
    """What one death left: where it died, which relation broke, and how; '' where none did."""

    where: str
    relation: str = ""
    how: str = ""


@dataclass
class Operation:
    """One operation on a store that was prepared for it.

    Attributes:
        hook: what is called.
        changes: changes of the store that the whole operation makes.
        why: why it could not be looked at; '' where it could.
        blind: why loading was not looked at; '' where it was.
        left: what each death left.
    """

    hook: str
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    why: str = ""
    blind: str = ""
    left: list[Left] = field(default_factory=list)


def died(
    subject: Subject, store: Path, metrics: dict[str, float], *, points: int, seconds: float
) -> Iterator[Operation]:
    """Each operation that the hooks allow, dying at up to ``points`` of its changes.

    Args:
        store: a scratch copy, which stays as it is; copies are made beside it.
        metrics: what versions are registered with.
        points: deaths of one operation at most.
        seconds: for one operation; slow registries die at fewer changes, at :data:`FEWEST` or more.
    """
    looks = Looks(subject)
    for hook, arguments, before in _operations(subject, metrics):
        base = _copied(store, PREPARED[1:])
        refused = next(
            (w for call, *given in before if (w := _done(subject, base, call, given))), ""
        )
        operation = Operation(
            hook, why=f"what comes before it is declined: {refused}" if refused else ""
        )
        if not refused:
            _each(looks, base, operation, arguments, points, seconds)
        if any(left.relation for left in operation.left):  # once whole, to know where it enters
            _done(subject, base, hook, arguments)
        shutil.rmtree(base)
        yield operation


def _operations(
    subject: Subject, metrics: dict[str, float]
) -> Iterator[tuple[str, Sequence[Any], list[tuple[Any, ...]]]]:
    """Hook, arguments, and what must be done before."""
    hook = REGISTER if subject.has(REGISTER) else CREATE
    one, two = ((hook, *(() if hook == CREATE else (v,)), metrics) for v in MADE)
    if subject.has(REGISTER):
        yield REGISTER, (MADE[1], metrics), [one]
    if subject.has(CREATE):
        yield CREATE, (metrics,), []
    if subject.has(PROMOTE):
        yield PROMOTE, (_Newest(),), [one]
    if subject.has(PROMOTE) and subject.has(ROLLBACK):
        yield ROLLBACK, (), [one, (PROMOTE, _Newest()), two, (PROMOTE, _Newest())]
    if subject.has(PRUNE):
        yield PRUNE, (1,), [one, two]


class _Newest:
    """Stands for the version that the registry lists last."""


def _given(subject: Subject, store: Path, arguments: Sequence[Any]) -> list[Any]:
    newest = None
    if any(isinstance(a, _Newest) for a in arguments):
        listed = ask(subject.hook(VERSIONS).on(store), into=texts)
        newest = listed.got[-1] if listed.answered and listed.got else ""
    return [newest if isinstance(a, _Newest) else a for a in arguments]


def _done(subject: Subject, store: Path, call: str, arguments: Sequence[Any]) -> str:
    """Do it; why it was not done, or ''."""
    into: Callable[[Any], Any] = flag if call == PROMOTE else (lambda raw: True)
    reply = ask(subject.hook(call).on(store), *_given(subject, store, arguments), into=into)
    return reply.why or ("" if reply.got else "the newest is not seated")


def _each(
    looks: Looks, base: Path, case: Operation, arguments: Sequence[Any], points: int, seconds: float
) -> None:
    begun, subject = time.monotonic(), looks.subject
    given, before = _given(subject, base, arguments), looks.at(base)
    whole = _copied(base, "whole")
    how = _crashed(subject, case.hook, whole, -1, given)
    after = looks.at(whole)
    shutil.rmtree(whole)
    if not how.get("done"):
        case.why = str(how.get("why"))
    elif not how["changes"]:
        case.why = "no change of the store was seen: compiled code writes it, or nothing does"
    if case.why:
        return
    if not before.files and not after.files:
        why = next((r.why for r in after.answers.values()), "no version is listed")
        case.blind = _plain(why, whole)
    case.changes = [tuple(change) for change in how["changes"]]
    costs = (time.monotonic() - begun) / 2  # two looks, and a whole operation
    for step in _steps(case.changes, min(points, max(FEWEST, int(seconds * crowding() / costs)))):
        copy = _copied(base, "died")
        how = _crashed(subject, case.hook, copy, step, given)
        if how["died"] and how["changes"]:
            when, event, name = how["changes"][-1]
            what = "opened" if when == "after" else f"{when} {event.rpartition('.')[2]}"
            relation, detail = _judged(before, after, looks.at(copy), copy)
            case.left.append(Left(f"{step + 1}: {what} {name}", relation, detail))
        shutil.rmtree(copy)


def _steps(changes: Sequence[tuple[str, str, str]], most: int) -> list[int]:
    """Changes to die at: of those in a row in one folder the first, a middle one and the last.

    Those in the store's own folder, where registries stand, count one by one.
    """
    rows: list[list[int]] = []
    folders = [PurePosixPath(name).parent for *_, name in changes]
    for i, folder in enumerate(folders):
        if i and folder == folders[i - 1] and folder.parts:
            rows[-1].append(i)
        else:
            rows.append([i])
    chosen = sorted({i for row in rows for i in (row[0], row[len(row) // 2], row[-1])})
    last, count = len(chosen) - 1, min(most, len(chosen))
    return sorted({chosen[round(i * last / max(1, count - 1))] for i in range(count)})


def _crashed(
    subject: Subject, hook: str, store: Path, step: int, given: Sequence[Any]
) -> dict[str, Any]:
    reply = ask(subject.hook(hook).on(store).crashing(), step, *given, into=mapping)
    return reply.got if reply.answered else {"died": False, "changes": [], "why": reply.why}


def _judged(before: Look, after: Look, now: Look, store: Path) -> tuple[str, str]:
    """The first relation that does not hold, and how; '' where all do."""
    if not now.listed.answered:
        return "the registry cannot be read", _plain(now.listed.why, store)
    listed = now.listed.got
    in_both = set(before.listed.got) & set(after.listed.got)
    if lost := sorted(in_both - set(listed)):
        return "versions are lost", f"{lost[0]} is no longer listed"
    loads = before.files.keys() | after.files.keys()  # others never did
    for version in (v for v in listed if v in loads):
        if how := _unloadable(version, after, now):
            return "a listed version does not load", _plain(how, store)
    for version in sorted(in_both):
        olds, news = before.files.get(version, {}), after.files.get(version, {})
        for name, digest in now.files.get(version, {}).items():
            if digest not in (olds.get(name, digest), news.get(name, digest)):
                return "files of a version are changed", f"{name} of {version} is another file"
    if now.serves not in (before.serves, after.serves):
        if now.serves is None:
            why = _plain(now.default.why, store)
            return "nobody is served by default", why
        return "another version is served", f"a request without a version gets {now.serves!r}"
    return "", ""


def _unloadable(version: str, after: Look, now: Look) -> str:
    reply = now.answers[version]
    if not reply.answered:
        return f"{version}: {reply.why}"
    if reply.got.version != version:
        return f"{version} is answered with {reply.got}"
    whole = after.files.get(version, {})
    for name, digest in now.files[version].items():
        if not digest or (digest == EMPTY and whole.get(name, "") != EMPTY):
            return f"{version} is listed, and {name} is {'empty' if digest else 'not there'}"
    short = sorted(whole.keys() - now.files[version].keys())
    return f"{version} is listed, and {short[0]} is not there" if short else ""


def _plain(text: str, store: Path) -> str:
    """Without the scratch copy's name; what was asked of another copy names that one."""
    base = str(store).partition(PREPARED)[0] + PREPARED
    return re.sub(re.escape(base) + r"(-\w+)?", "<store>", text)


def _text(held: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    if not path.is_file():
        return "there" if path.exists() else ""
    return digest_of_file(path) if path.stat().st_size else EMPTY


def _copied(store: Path, name: str) -> Path:
    copy = store.with_name(f"{store.name}-{name}")
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(store, copy, symlinks=True))
