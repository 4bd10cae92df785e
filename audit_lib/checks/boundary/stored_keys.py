import ast
import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path as File
from pathlib import PurePosixPath
from typing import Any

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Severity
from audit_lib.probes.code.keyflow import (
    ANY,
    Flow,
    Path,
    Use,
    by_path,
    forgotten,
    key_flow,
    overlaps,
    pair_flow,
    paired,
    within,
)
from audit_lib.probes.code.nested_keys import handed, unmade
from audit_lib.probes.code.settings import LIMIT, says, spelt, value_said
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.documents import read_document
from audit_lib.subject.pointers import pointer_to, split_reference
from audit_lib.subject.source import SKIPPED_FOLDERS

_NAMED = re.compile(
    r"([\w.-]*[A-Za-z_-]{3}[\w-]*\.(?:json|ya?ml|toml|npz|pth?|pkl|pickle|joblib))$"
)
_PLAIN = (".json", ".yaml", ".yml", ".toml")
#: files that other programs read
_TOOLS = re.compile(r"(docker-)?compose\b|(package|tsconfig|pyproject|mkdocs|environment)\b")
_TOUCHES = re.compile(r"load|dump|savez|torch\.save")
_MOST = 60
_APART = 2
"""keys of one reader that are told one by one; more of them have one cause"""


class StoredKeysAreWritten(Check):
    """Keys that the code reads from a file are written to it by the code, or stand in it.

    What it checks
        For every file that the code both writes and reads (JSON, YAML, TOML, `np.savez`,
        `torch.save`, pickled and joblib dictionaries), and every file of that kind that stands in
        the repository: each key that is read is written, and written by every writer of the whole
        file where a read needs it. HIGH where the read fails without the key,
        MEDIUM where a default then always holds, or where one key is read with two defaults. Keys
        that a file of the repository defines and no text of the source spells: MEDIUM for limits,
        else LOW. Keys of a mapping that stands under a key (`made["meta"] = {...}`) and is read by
        at least two of these are compared wherever it went in between; those of a mapping that a
        caller spells out, with what the function reads under nearly the same name.
    Why it matters
        Writer and reader agree by spelling alone. A misspelt limit takes its default in every run,
        and a checkpoint that lacks a key cannot be loaded on the day it is needed.
    How
        Follows what loaders return forwards, and what dumpers are given backwards, by syntax alone.
        Files are known by their names; a file with one writer and one reader that name none is
        taken for a pair. The metadata document is DOC002's.
    Limitations
        Where a value escapes (passed to a library, keys made at run time) anything below it counts
        as written. Keys that the code writes and never reads are told for the metadata only.
    Remediation
        Give writer and reader one definition of the keys.
    Sources
        RFC 6901 for the pointers.
    """

    code = "BND014"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare reads with writes, document by document."""
        code = code_of(subject.source)
        reported: set[tuple[str, Path]] = set()
        named = documents(code, _metadata_name(subject))
        for name in named:
            flow, held = key_flow(code, name), _held(subject, name)
            missed = list(self._compared(code, name, flow, held, reported))
            yield from missed
            if not missed:  # a key that is misspelt leaves the right one unread
                yield from self._idle(code, name, flow, held)
            yield from self._two_defaults(name, flow)
            yield from self._writers(name, flow)
        files = [p for p in paired(code) if p in code.connected and not is_aside(p)]
        for path in files:
            yield from self._compared(
                code, f"what {path} stores", pair_flow(code, path), [], reported
            )
        yield from self._nested(code, {(str(place), path[-1]) for place, path in reported})
        yield Examined(len(code.connected), "files")
        yield Examined(len(named) + len(files), "documents")

    def _nested(self, code: Code, reported: set[tuple[str, str]]) -> Answers:
        """Keys of mappings under a key, wherever these went between maker and reader."""
        for miss in (*unmade(code), *handed(code)):
            if (str(miss.location), miss.key) in reported:
                continue
            near = difflib.get_close_matches(miss.key, miss.made, n=1, cutoff=0.7)
            yield self.finding(
                miss.location,
                f"reads {pointer_to(miss.above, miss.key)}, and whoever makes {miss.above!r} gives "
                f"it {', '.join(miss.made[:8])} only"
                + (f"; the nearest is {near[0]}" if near else "")
                + ("" if miss.required else ", so the default always holds"),
                measured="never made",
                expected=near[0] if near else "made",
                key=f"nested {miss.above} {miss.key}",
                severity=self.severity if miss.required else Severity.MEDIUM,
            )

    def _compared(
        self, code: Code, name: str, flow: Flow, held: list[Any], reported: set[tuple[str, Path]]
    ) -> Answers:
        written = {u.path for u in flow.writes} | {p for document in held for p in _paths(document)}
        if not flow.loaded or not (flow.dumped or held) or () in flow.open_writes:
            return
        if not written:
            return
        outside = code.once("set from outside", lambda: _set_from_outside(code))
        missed: dict[object, list[tuple[Path, Use]]] = defaultdict(list)
        for path, uses in by_path(flow.reads).items():
            has_writer = any(overlaps(path, w) for w in written) or within(path, flow.open_writes)
            parent = path[:-1]
            orphan = parent and not any(overlaps(parent, w) for w in written)
            asked = {u.location.symbol for u in uses if not u.required}  # x.get(k) and x[k]
            needed = [u for u in uses if u.required and u.location.symbol not in asked]
            use = next(iter([*needed, *(u for u in uses if not u.required)]))
            mark = (str(use.location), path)
            if has_writer or orphan or path[-1] == ANY or mark in reported:
                continue
            if use.location.path not in code.connected or is_aside(use.location.path):
                continue
            if within(path, flow.tested) or path[-1] in outside:
                continue
            reported.add(mark)
            missed[use.required, use.location.path, use.location.symbol].append((path, use))
        for misses in missed.values():
            together = [misses] if len(misses) > _APART else [[miss] for miss in misses]
            yield from (self._report(name, m, written, in_file=bool(held)) for m in together)

    def _idle(self, code: Code, name: str, flow: Flow, held: list[Any]) -> Answers:
        """Keys that a file of the repository defines and no text of the source spells."""
        if len(held) != 1 or not flow.loaded or not flow.reads or _TOOLS.match(name):
            return
        unsaid = (p for p in _paths(held[0]) if p[-1].isidentifier() and p[-1] not in spelt(code))
        idle = [path for path in unsaid if not within(path, _walked(flow))]
        if idle:
            limits = [p for p in idle if LIMIT.search(p[-1])]
            place = min((u.location for u in flow.reads), key=lambda w: (w.path, w.line or 0))
            named = ", ".join(pointer_to(*p) for p in (limits or idle)[:6])
            yield self.finding(
                place,
                f"{name} defines {named}{' and more' if len(limits or idle) > 6 else ''}, which "
                "nothing reads, so it changes nothing",
                measured="never read",
                expected="read, or not there",
                key=f"{name} never read",
                severity=Severity.MEDIUM if limits else Severity.LOW,
            )

    def _writers(self, name: str, flow: Flow) -> Answers:
        """A writer that leaves out what a reader needs and another writer writes."""
        for dump, other, use in forgotten(flow):
            yield self.finding(
                dump.location,
                f"writes {name} without {pointer_to(*use.path)}, which {use.location} needs and "
                f"{other.location} writes",
                measured="left out",
                expected="the keys that every writer of it writes",
                key=f"{name} {pointer_to(*use.path)} of {dump.location.symbol}",
                cause=f"a writer of {name} leaves keys out",
                related=use.location,
            )

    def _two_defaults(self, name: str, flow: Flow) -> Answers:
        """One key that is read with other defaults at other places."""
        for path, uses in by_path(flow.reads).items():
            stated = {value_said(u.default): u for u in reversed(uses) if _stated(u.default)}
            if len(stated) > 1 and path[-1] != ANY:
                first, other = sorted(stated.values(), key=lambda u: (str(u.location), u.default))[
                    :2
                ]
                yield self.finding(
                    other.location,
                    f"reads {pointer_to(*path)} of {name} with default {other.default}, and "
                    f"{first.location} with {first.default}",
                    measured=other.default,
                    expected=first.default,
                    key=f"{name} {pointer_to(*path)} two defaults",
                    severity=Severity.MEDIUM,
                )

    def _report(
        self, name: str, misses: list[tuple[Path, Use]], written: set[Path], *, in_file: bool
    ) -> Answer:
        near_of = {path: _nearest(path, written) for path, _ in misses}
        misses = sorted(misses, key=lambda miss: not near_of[miss[0]])
        path, use = misses[0]
        near = near_of[path]
        if not use.required:
            text = f"reads {pointer_to(*path)} of {name} with default {use.default or 'None'}, "
            text += "and nothing " + ("in the file defines" if in_file else "writes")
            text += " it, so the default always holds"
        else:
            nowhere = "and the file has no such key" if in_file else "which nothing writes"
            text = f"reads {pointer_to(*path)} of {name}, {nowhere}"
        text += f"; the nearest is {near}" if near else ""
        if len(misses) > 1:
            others = ", ".join(pointer_to(*p) for p, _ in misses[1:9])
            text += f"; so it is with {others}" + (" and more" if len(misses) > 9 else "")
        optional = in_file and not near and not any(LIMIT.search(p[-1]) for p, _ in misses)
        default = Severity.LOW if optional else Severity.MEDIUM
        return self.finding(
            use.location,
            text,
            measured="never written",
            expected=near or "written",
            key=f"{name} " + (f"of {use.location.symbol}" if misses[1:] else pointer_to(*path)),
            severity=self.severity if use.required else default,
        )


def _stated(default: str) -> bool:
    """True for a default that is spelt out and says something."""
    try:
        value = ast.literal_eval(default or "None")
    except (ValueError, SyntaxError, TypeError):
        return False
    return says(value) and value not in ([], {})


def _walked(flow: Flow) -> set[Path]:
    """Places whose keys are walked over, or handed to what nobody follows, below the top."""
    return {p for p in flow.open_reads if p}


def _set_from_outside(code: Code) -> frozenset[str]:
    """Keys that connected code sets in what an object holds: ``trigger.state["trained"] = 3``."""
    keys: set[str] = set()
    for path in code.connected:
        tree = code.tree.by_path[path].tree
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                held, key = node.value, node.slice
                if isinstance(held, ast.Attribute) and isinstance(key, ast.Constant):
                    keys.add(str(key.value))
    return frozenset(keys)


def documents(code: Code, but: str) -> list[str]:
    """Names of files with keys that the connected code spells out, apart from the metadata."""
    text_of: dict[str, str] = defaultdict(str)
    for path in sorted(code.connected):
        file = code.tree.by_path[path]
        tree = file.tree
        if not _TOUCHES.search(file.text):
            continue
        for node in ast.walk(tree) if tree is not None and not is_aside(path) else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = _NAMED.search(node.value) if len(node.value) < 200 else None
                if named is not None and not (but and but in named[1]):
                    text_of[named[1]] += file.text
    # A file that nothing loads where it is named has no keys to read.
    return [name for name in sorted(text_of) if "load" in text_of[name]][:_MOST]


def _metadata_name(subject: Subject) -> str:
    """The telling part of the metadata's name, which another check follows."""
    artifacts = subject.parameters.artifacts
    file, _ = split_reference(artifacts.metadata or "") if artifacts is not None else ("", "")
    return max(re.split(r"[*?\[\]{}]+", PurePosixPath(file).name), key=len)


def _held(subject: Subject, name: str) -> list[Any]:
    """What files of that name in the repository hold; examples count where there are no others."""
    places = {
        file.relative_to(subject.root).as_posix(): file
        for file in sorted(subject.root.rglob(name) if name.endswith(_PLAIN) else ())
        if not SKIPPED_FOLDERS & set(file.relative_to(subject.root).parts)
    }
    own = [place for place in places if not is_aside(place)] or list(places)
    with suppress(NotAssessed):
        documents = [read_document(File(places[p]), path=name, base="source").get("") for p in own]
        return documents if all(isinstance(d, Mapping) for d in documents) else []
    return []


def _paths(held: Any, above: Path = ()) -> Iterator[Path]:
    """Key paths of a document; elements of lists under any."""
    if isinstance(held, Mapping):
        for key, value in held.items():
            yield (*above, str(key))
            yield from _paths(value, (*above, str(key)))
    elif isinstance(held, list):
        for value in held:
            yield (*above, ANY)
            yield from _paths(value, (*above, ANY))


def _nearest(path: Path, written: set[Path]) -> str:
    same = [w for w in written if w[-1] == path[-1]]
    if same:
        return pointer_to(*min(same))
    beside = {w[-1]: w for w in sorted(written) if w[:-1] == path[:-1]}
    near = difflib.get_close_matches(path[-1], beside, n=1, cutoff=0.75)
    return pointer_to(*beside[near[0]]) if near else ""
