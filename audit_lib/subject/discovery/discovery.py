"""Puts together what first contact finds."""

import ast
import configparser
import os
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from audit_lib.errors import ParameterError
from audit_lib.files import read_words
from audit_lib.subject.discovery.stores import Store, documents, stores
from audit_lib.subject.discovery.surfaces import SCRIPTS, TESTS, Candidate, candidates
from audit_lib.subject.documents import read_document
from audit_lib.subject.imports import ImportGraph
from audit_lib.subject.parameters import SourceParameters
from audit_lib.subject.source import SKIPPED_FOLDERS, SourceFile, SourceTree, matches

HIGH_RISK = 5
#: packages of so few files are audited whole, unless candidates stand in most of them
SMALL = 60
#: hooks that must have candidates before their folders are called a subsystem
TELLING_HOOKS = 3
COMPILED_SOURCES = (".pyx", ".c", ".cc", ".cpp", ".rs")


@dataclass(frozen=True)
class Discovery:
    """What a repository seems to hold; all of it guesses except counts.

    Attributes:
        root: the folder that was looked at.
        package: import name of its main package, '' where it has none.
        is_package: the root folder is that package itself, rather than a folder that holds it.
        from_src: imports begin with ``src``.
        files, lines: Python files and their lines, tests left out.
        parts: lines by top-level part of the package, largest first.
        subsystem: globs of the files that seem worth auditing first.
        mapped: id in the repository's own subsystem map that holds most candidates, or ''.
        high_risk: files that many import and that are long.
        stores: artifact stores, likeliest first.
        documents: documents that checks know, by name.
        entry_points: where runs begin, ``path:line what``.
        candidates: functions that could stand behind hooks.
        unread: files of compiled sources by ending; the workbook reads Python only.
    """

    root: Path
    package: str
    is_package: bool
    from_src: bool
    files: int
    lines: int
    parts: dict[str, int]
    subsystem: tuple[str, ...]
    mapped: str
    high_risk: tuple[str, ...]
    stores: tuple[Store, ...]
    documents: dict[str, str]
    entry_points: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    unread: dict[str, int]

    @property
    def store(self) -> Store | None:
        """The likeliest artifact store."""
        return self.stores[0] if self.stores else None


def discover(root: Path) -> Discovery:
    """Look at a repository without running any of it.

    Raises:
        ParameterError: not a folder, or no Python in it.
    """
    if not root.is_dir():
        raise ParameterError(
            f"{root} is not a folder", where="PATH", mend="name the folder of a checkout"
        )
    tree = SourceTree(root, SourceParameters())
    graph = ImportGraph(tree)
    own = [f for f in tree.files if not TESTS.search(f.path) and not _aside(f.path, graph)]
    if not own:
        raise ParameterError(
            f"{root} holds no Python source", where="PATH", mend="name the folder of a checkout"
        )
    lines = {file.path: file.content.count(b"\n") for file in own}
    index = graph.index
    from_src = index.holds("src")
    package = root.name if index.package else "src" if from_src else _package(root, lines)
    found = candidates(own, graph.importers)
    named = documents(root)
    subsystem = _subsystem(found, lines, graph)
    return Discovery(
        root=root,
        package=package,
        is_package=bool(index.package),
        from_src=from_src,
        files=len(own),
        lines=sum(lines.values()),
        parts=_parts(package, lines),
        subsystem=subsystem,
        mapped=_mapped(root, named.get("subsystem_map", ""), found),
        high_risk=_high_risk(lines, graph.importers, subsystem),
        stores=stores(root),
        documents=named,
        entry_points=tuple(_entry_points(root, own)),
        candidates=found,
        unread=_unread(root),
    )


def _aside(path: str, graph: ImportGraph) -> bool:
    """True for a script that imports nothing of the engine."""
    if not SCRIPTS.search(path):
        return False
    return not any(path in by and not SCRIPTS.search(p) for p, by in graph.importers.items())


def _package(root: Path, lines: dict[str, int]) -> str:
    sizes: Counter[str] = Counter()
    for path, count in lines.items():
        parts = PurePosixPath(path).parts
        if parts[0] == "src" and len(parts) > 2:
            sizes[parts[1]] += count
        elif len(parts) > 1 and (root / parts[0] / "__init__.py").is_file():
            sizes[parts[0]] += count
    return sizes.most_common(1)[0][0] if sizes else ""


def _parts(package: str, lines: dict[str, int]) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for path, count in lines.items():
        inner = path.removeprefix("src/").removeprefix(f"{package}/")
        sizes[inner.split("/")[0] if "/" in inner else "."] += count
    return dict(sizes.most_common())


def _subsystem(
    found: tuple[Candidate, ...], lines: dict[str, int], graph: ImportGraph
) -> tuple[str, ...]:
    """Folders that hold candidates, and the files that run them.

    Everything where the package is small, where candidates say little, or are most of it anyway.
    """
    if len({candidate.hook for candidate in found}) < TELLING_HOOKS:
        return ("**/*.py",)
    folders: Counter[str] = Counter()
    for candidate in found:
        folders[PurePosixPath(candidate.path).parent.as_posix()] += 1
    most = 0.8 * sum(lines.values())

    def below(*named: str) -> int:
        return sum(n for p, n in lines.items() if any(p.startswith(f"{f}/") for f in named))

    # At the root of a package that has others inside, a candidate speaks for its own file only.
    roots = {f for f in folders if f == "." or (below(f) > most and len(folders) > 1)}
    chosen = sorted(set(folders) - roots)
    if not chosen or below(*chosen) > most:
        return ("**/*.py",)
    alone = {c.path for c in found if PurePosixPath(c.path).parent.as_posix() in roots}
    top = sorted(c for c in chosen if not any(c.startswith(f"{o}/") for o in chosen if o != c))
    parents = {PurePosixPath(path).parent.as_posix() for path in lines}
    globs = [
        f"{f}/**/*.py" if any(p.startswith(f"{f}/") for p in parents) else f"{f}/*.py" for f in top
    ]
    named = {*globs, *alone}
    runners = {p for p in _runners(found, graph) if p in lines}
    named |= {p for p in runners if not any(matches(p, glob) for glob in globs)}
    taken = sum(any(matches(p, glob) for glob in named) for p in lines)
    if len(lines) <= SMALL and taken < len(lines) / 2:
        return ("**/*.py",)
    return tuple(sorted(named))


def _runners(found: tuple[Candidate, ...], graph: ImportGraph) -> set[str]:
    """Files that import candidates of several surfaces: they put the engine together and run it."""
    used: dict[str, set[str]] = {}
    for candidate in found:
        for importer in graph.importers.get(candidate.path, ()):
            used.setdefault(importer, set()).add(candidate.hook.split(".")[0])
    return {path for path, surfaces in used.items() if len(surfaces) >= TELLING_HOOKS}


def _mapped(root: Path, path: str, found: tuple[Candidate, ...]) -> str:
    """The subsystem of the repository's own map that holds most candidates."""
    if not path:
        return ""
    subsystems = read_document(root / path, path=path, base="documents").get("/subsystems", {})
    counted = {
        name: sum(c.path in set(entry.get("files", ())) for c in found)
        for name, entry in subsystems.items()
        if isinstance(entry, dict)
    }
    best = max(counted, key=lambda name: counted[name], default="")
    return best if counted.get(best) else ""


def _high_risk(
    lines: dict[str, int], importers: dict[str, frozenset[str]], subsystem: tuple[str, ...]
) -> tuple[str, ...]:
    weight = {
        path: len(importers[path]) * count
        for path, count in lines.items()
        if importers.get(path) and any(matches(path, glob) for glob in subsystem)
    }
    return tuple(sorted(weight, key=lambda p: (-weight[p], p))[:HIGH_RISK])


def _unread(root: Path) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for _, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
        counted.update(e for e in (Path(n).suffix.lower() for n in names) if e in COMPILED_SOURCES)
    return dict(counted.most_common())


def _entry_points(root: Path, own: list[SourceFile]) -> Iterator[str]:
    project = _read_toml(root / "pyproject.toml").get("project")
    scripts = project.get("scripts") if isinstance(project, dict) else None
    for name, target in scripts.items() if isinstance(scripts, dict) else ():
        yield f"pyproject.toml {name} = {target}"
    for file in sorted(root.glob("*.dist-info/entry_points.txt")):
        for name, target in _console_scripts(file):
            yield f"{file.relative_to(root).as_posix()} {name} = {target}"
    for source in own:
        if source.path.endswith("__main__.py"):
            yield f"{source.path}:1 python -m"
        elif source.tree is not None:
            for node in source.tree.body:
                test = ast.unparse(node.test) if isinstance(node, ast.If) else ""
                if test.startswith("__name__ == '__main__'"):
                    yield f"{source.path}:{node.lineno} script"


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_words(file))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}


def _console_scripts(file: Path) -> list[tuple[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_words(file))
    except (OSError, configparser.Error, UnicodeDecodeError):
        return []
    return parser.items("console_scripts") if parser.has_section("console_scripts") else []
