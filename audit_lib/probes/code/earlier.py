"""The source as it was at another commit, and how its public interface has changed since."""

import ast
import io
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from audit_lib.errors import NotAssessed
from audit_lib.files import MOST_TEXT
from audit_lib.probes.code.calls import own_calls
from audit_lib.probes.code.constants import UNKNOWN, constant
from audit_lib.probes.code.signatures import Signature, callable_signature, called, differences
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.probes.code.types.annotations import says_none
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.source import SourceTree
from audit_lib.subject.units import MODULE, Unit

_LONGEST = 60


@dataclass(frozen=True)
class Change:
    """A change of a public name that may break who uses it.

    Attributes:
        path, name: the definition, as it was.
        line: where it is now; 0 where it is gone.
        what: the change, in words.
        now, before: the signature or value.
        users: keys of the units that it breaks or changes, in the source of today.
    """

    path: str
    name: str
    line: int
    what: str
    now: str
    before: str
    users: tuple[str, ...]


def earlier_tree(tree: SourceTree, since: str, folder: Path) -> SourceTree:
    """The Python files of a commit, or of another checkout, written to a folder.

    Raises:
        NotAssessed: there is no such commit, or no git.
    """
    other = Path(since).expanduser()
    if other.is_absolute() and other.is_dir():
        return SourceTree(other, tree.parameters)
    if since.startswith("-"):
        raise NotAssessed(f"{since!r} is no revision")
    command = ["git", "-C", str(tree.root), "archive", "--format=tar", since]
    try:
        archived = subprocess.run(command, capture_output=True, timeout=_LONGEST, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NotAssessed(f"git gives no source of {since!r}") from error
    with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            plain = member.isfile() and path.suffix in (".py", ".pyi") and ".." not in path.parts
            held = archive.extractfile(member) if plain and member.size <= MOST_TEXT else None
            if held is not None:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(held.read())
    return SourceTree(folder, tree.parameters)


class Interface:
    """The public definitions of a subsystem, as they were and as they are."""

    def __init__(self, before: SourceTree, now: SourceTree) -> None:
        self.before, self.now = code_of(before), code_of(now)
        self.count = 0

    def changes(self) -> Iterator[Change]:
        """Names that are gone, and signatures and constants that callers may not survive."""
        gone: set[tuple[str, str]] = set()
        for file in self.before.subsystem:
            path = file.file.path
            if is_aside(path) or file.file.tree is None:
                continue
            for unit in file.units:
                owner = unit.name.rpartition(".")[0]
                if not _public(unit) or (path, owner) in gone:
                    continue
                self.count += 1
                change = self._of(unit)
                if self._today(unit) is None:
                    gone.add((path, unit.name))  # what stood in it is not told again
                if change is not None:
                    yield change
            yield from self._constants(path)

    def _of(self, old: Unit) -> Change | None:
        new = self._today(old)
        if new is None:
            users = self._still_naming(old)
            # under the same import: here, or in the package that the module has become
            homes = {old.path, old.path.removesuffix(".py") + "/__init__.py"}
            kept = homes & self.now.tree.by_path.keys()
            bound = [self.now.index.binds(p, old.name.partition(".")[0]) for p in kept]
            there = None if None in bound else any(bound)
            moved = "." not in old.name and there
            if moved or (there is None and "." not in old.name):
                return None  # brought from elsewhere under the same name, or by a star
            return Change(old.path, old.name, 0, "is gone", "nothing", _kind(old), users)
        lost = self._lost(old, new)
        if lost:
            users = tuple(sorted(self.now.references.sources.get(new.key, ())))
            users = tuple(u for u in users if not is_aside(u.partition("::")[0]))
            return Change(old.path, old.name, new.line, lost[0], lost[1], lost[2], users)
        was = callable_signature(self.before.references, old)
        here = callable_signature(self.now.references, new)
        if was is None or here is None or was == here:
            return None
        changes = [(key, _words(text), breaks) for key, text, breaks in differences(was, here)]
        breaking = [text for _, text, breaks in changes if breaks]
        if all(text.startswith("default") for text in breaking):
            breaking += _moved(was, here)
        if not breaking:
            return None
        users = self._hurt(new, was, here)
        return Change(old.path, old.name, new.line, "; ".join(breaking), str(here), str(was), users)

    def _lost(self, old: Unit, new: Unit) -> tuple[str, str, str] | None:
        """A base that a class has no more, and None among the answers: words, now, before."""
        if isinstance(old.node, ast.ClassDef) and isinstance(new.node, ast.ClassDef):
            then, today = (
                _ancestors(code, unit) for code, unit in ((self.before, old), (self.now, new))
            )
            gone = ", ".join(sorted(then - today))
            sentence = f"is no {gone} any more: `isinstance` and `except` pass it over"
            return (sentence, ", ".join(sorted(today)) or "no base", gone) if gone else None
        then_said, now_said = (getattr(unit.node, "returns", None) for unit in (old, new))
        if not isinstance(then_said, ast.expr) or not isinstance(now_said, ast.expr):
            return None
        if says_none(then_said) or not says_none(now_said):
            return None
        before = ast.unparse(then_said)
        return f"may answer None, was declared {before}", ast.unparse(now_said), before

    def _today(self, old: Unit) -> Unit | None:
        references = self.now.references
        unit = references.unit(old.path, old.name)
        owner, _, name = old.name.rpartition(".")
        cls = references.unit(old.path, owner) if owner else None
        return unit or (references.member(cls, name) if cls is not None else None)

    def _still_naming(self, old: Unit) -> tuple[str, ...]:
        """Units that used what is gone, and name it still."""
        last = old.name.rpartition(".")[2]
        keys = self.before.references.sources.get(old.key, ())
        units = (self.now.references.unit(*key.split("::", 1)) for key in sorted(keys))
        return tuple(
            u.key for u in units
            if u is not None and not is_aside(u.path)
            and last in {*u.uses.names, *(a for _, a in u.uses.attributes), *u.uses.imports}
        )  # fmt: skip

    def _hurt(self, new: Unit, was: Signature, here: Signature) -> tuple[str, ...]:
        """Units whose calls do not fit any more, or take a default that is another now."""
        other = {
            p.name for p in here.parameters
            if (o := was.get(p.name)) is not None and None not in (o.default, p.default)
            and o.default != p.default
        }  # fmt: skip
        keys = []
        for key in sorted(self.now.references.sources.get(new.key, ())):
            user = self.now.references.unit(*key.split("::", 1))
            if user is None or is_aside(user.path):
                continue
            for call in own_calls(user):
                reached = called(self.now.references, user, call)
                if reached is None or reached[0] is not new:
                    continue
                places = [p.name for p in reached[1].parameters][: len(call.args)]
                given = {*places, *(k.arg for k in call.keywords)}
                if reached[1].refusal(call) or (other - given and None not in given):
                    keys.append(key)
                    break
        return tuple(keys)

    def _constants(self, path: str) -> Iterator[Change]:
        """Plain constants in capitals that have another value now, and who reads them."""
        for name in self.before.index.module(path).bindings:
            if not name.isupper() or name.startswith("_") or path not in self.now.tree.by_path:
                continue
            was = constant(self.before.index, path, name)
            here = constant(self.now.index, path, name)
            if UNKNOWN in (was, here) or was == here:
                continue
            self.count += 1
            node = self.now.index.module(path).bindings[name][0]
            users = tuple(
                f"{e.source}::{e.symbol or MODULE}"
                for e in self.now.imports.edges
                if e.target == path and name in e.symbols and not is_aside(e.source)
            )
            what = f"is {here!r}, was {was!r}"
            line = getattr(node, "lineno", 0)
            yield Change(path, name, line, what, repr(here), repr(was), users)


def _ancestors(code: Code, cls: Unit) -> set[str]:
    """Names of all bases of a class, those of the repository's own bases too."""
    names: set[str] = set()
    waiting = [cls]
    while waiting:
        unit = waiting.pop()
        bases = unit.node.bases if isinstance(unit.node, ast.ClassDef) else []
        for written, base in zip(bases, code.references.bases(unit), strict=True):
            name = ast.unparse(written).partition("[")[0].rpartition(".")[2]
            if base is not None and name not in names:
                waiting.append(base)
            names.add(name)
    return names - {"object", "Generic", "Protocol", "ABC"}


def _public(unit: Unit) -> bool:
    parts = unit.name.split(".")
    return unit.kind in ("class", "function") and not any(
        p.startswith("_") or "#" in p for p in parts
    )


def _kind(unit: Unit) -> str:
    return "a class" if unit.kind == "class" else "a function"


def _moved(was: Signature, here: Signature) -> list[str]:
    """Parameters that calls by position do not reach any more."""
    before, now = (
        [p.name for p in s.parameters if p.kind in ("positional", "either")] for s in (was, here)
    )
    first = next((n for i, n in enumerate(before) if n in now and now.index(n) != i), "")
    at = now.index(first) + 1 if first else 0
    return [f"parameter {first!r} is argument {at}, was {before.index(first) + 1}"] if first else []


def _words(text: str) -> str:
    """What a difference is called when the other side is the past."""
    return text.replace(", declared ", ", was ").replace(
        " is not declared", " is new, and required"
    )


def spoken(keys: tuple[str, ...]) -> str:
    """The first users, for a message."""
    shown = [k.replace(f"::{MODULE}", "").replace("::", ":") for k in keys[:3]]
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(shown) + more
