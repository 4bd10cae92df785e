"""Puts together what first contact finds."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from audit_lib.errors import ParameterError
from audit_lib.subject.discovery.stores import Store, documents, stores
from audit_lib.subject.discovery.surfaces import TESTS, Candidate, candidates
from audit_lib.subject.documents import read_document
from audit_lib.subject.imports import ImportGraph
from audit_lib.subject.parameters import Source
from audit_lib.subject.source import SourceFile, SourceTree

HIGH_RISK = 5


@dataclass(frozen=True)
class Discovery:
    """What a repository seems to hold; all of it guesses except counts.

    Attributes:
        root: the folder that was looked at.
        package: import name of its main package, '' where it has none.
        files, lines: Python files and their lines, tests left out.
        parts: lines by top-level part of the package, largest first.
        subsystem: globs of the files that seem worth auditing first.
        mapped: id in the repository's own subsystem map that holds most candidates, or ''.
        high_risk: files that many import and that are long.
        stores: artifact stores, likeliest first.
        documents: documents that checks know, by name.
        entry_points: where runs begin, ``path:line what``.
        candidates: functions that could stand behind hooks.
    """

    root: Path
    package: str
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
    tree = SourceTree(root, Source())
    own = [file for file in tree.files if not TESTS.search(file.path)]
    if not own:
        raise ParameterError(
            f"{root} holds no Python source", where="PATH", mend="name the folder of a checkout"
        )
    graph = ImportGraph(tree)
    fan_in = {path: len(importers) for path, importers in graph.importers.items()}
    lines = {file.path: file.content.count(b"\n") for file in own}
    package = _package(root, own, lines)
    parts = _parts(package, root, lines)
    found = candidates(own, fan_in)
    named = documents(root)
    return Discovery(
        root=root,
        package=package,
        files=len(own),
        lines=sum(lines.values()),
        parts=parts,
        subsystem=_subsystem(found, lines),
        mapped=_mapped(root, named.get("subsystem_map", ""), found),
        high_risk=_high_risk(lines, fan_in, found),
        stores=stores(root),
        documents=named,
        entry_points=tuple(_entry_points(root, own)),
        candidates=found,
    )


def _package(root: Path, own: list[SourceFile], lines: dict[str, int]) -> str:
    if any(f.path == "__init__.py" for f in own):
        return root.name
    sizes: Counter[str] = Counter()
    for path, count in lines.items():
        parts = PurePosixPath(path).parts
        if parts[0] == "src" and len(parts) > 2:
            sizes[parts[1]] += count
        elif len(parts) > 1 and (root / parts[0] / "__init__.py").is_file():
            sizes[parts[0]] += count
    return sizes.most_common(1)[0][0] if sizes else ""


def _parts(package: str, root: Path, lines: dict[str, int]) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for path, count in lines.items():
        parts = PurePosixPath(path).parts
        inner = [p for p in parts if p not in ("src", package)] if package != root.name else parts
        sizes[inner[0] if len(inner) > 1 else "."] += count
    return dict(sizes.most_common())


def _subsystem(found: tuple[Candidate, ...], lines: dict[str, int]) -> tuple[str, ...]:
    """Folders that hold candidates; everything where that is most of the repository anyway."""
    folders: Counter[str] = Counter()
    for candidate in found:
        folders[PurePosixPath(candidate.path).parent.as_posix()] += 1
    chosen = sorted(f for f in folders if f != ".")
    covered = sum(n for p, n in lines.items() if any(p.startswith(f"{f}/") for f in chosen))
    if not chosen or covered > 0.8 * sum(lines.values()):
        return ("**/*.py",)
    top = sorted(c for c in chosen if not any(c.startswith(f"{o}/") for o in chosen if o != c))
    return tuple(
        f"{folder}/**/*.py" if _has_inner(folder, lines) else f"{folder}/*.py" for folder in top
    )


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


def _has_inner(folder: str, lines: dict[str, int]) -> bool:
    return any(p.startswith(f"{folder}/") and "/" in p[len(folder) + 1 :] for p in lines)


def _high_risk(
    lines: dict[str, int], fan_in: dict[str, int], found: tuple[Candidate, ...]
) -> tuple[str, ...]:
    behind = {c.path for c in found}
    weight = {p: (1 + fan_in.get(p, 0)) * lines[p] for p in lines if p in behind}
    return tuple(sorted(weight, key=lambda p: (-weight[p], p))[:HIGH_RISK])


def _entry_points(root: Path, own: list[SourceFile]) -> Iterator[str]:
    project = root / "pyproject.toml"
    if project.is_file():
        try:
            declared = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            declared = {}
        for name, target in declared.get("scripts", {}).items():
            yield f"pyproject.toml {name} = {target}"
    for file in own:
        if file.path.endswith("__main__.py"):
            yield f"{file.path}:1 python -m"
        elif file.tree is not None:
            yield from (f"{file.path}:{n.lineno} script" for n in file.tree.body if _is_main(n))


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and bool(
        re.match(r"__name__ == '__main__'", ast.unparse(node.test))
    )
