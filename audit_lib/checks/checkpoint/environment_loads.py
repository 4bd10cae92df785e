import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.files import read_words
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.subject.artifacts import Artifact
from audit_lib.subject.code import code_of
from audit_lib.subject.modules import DEFINITIONS

_DISTRIBUTION = {"sklearn": "scikit-learn", "yaml": "pyyaml"}
#: Libraries whose pickles are promised to load only under the release that wrote them.
_SAME_RELEASE = frozenset({"sklearn"})
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
_LISTS = ("requirements*.txt", "requirements/*.txt", "constraints*.txt")


@dataclass(frozen=True)
class Declared:
    """What the repository says about one distribution."""

    file: str
    locked: tuple[str, ...] = ()
    specifier: str = ""


_NONE = Declared("")


class EnvironmentLoadsArtifacts(Check):
    """The environment that the repository declares can load the artifacts it stores.

    What it checks
        For each library whose objects the artifacts hold: that the repository declares it, and that
        the locked or allowed version is one that loads what was written. Classes of the repository
        itself that pickles name must still be defined where they say.
    Why it matters
        A pickle loads under the library that wrote it. Under another one it fails at the moment of
        need, or loads with attributes missing and predicts something else.
    How
        Takes the writer's version from the bytes of the artifact; reads lock files, requirement
        files and `pyproject.toml`. scikit-learn must be of the same minor release; of other
        libraries the same major one or newer.
    Limitations
        Environments built by other means (images, conda files) are not read. A repository without
        any declaration is reported once.
    Remediation
        Pin the library to the version that wrote the artifacts, or write them anew in a format that
        is stable across versions.
    Sources
        scikit-learn user guide, "Security & maintainability limitations" of model persistence; PEP
        440; PEP 508.
    """

    code = "CHK009"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True
    cites = ("writers",)

    def run(self, subject: Subject) -> Answers:
        """Compare writers with declarations, and classes with the source."""
        pickled = [a for a in subject.artifacts if a.globals]
        yield Examined(len(subject.artifacts), "artifacts")
        if not pickled:
            return  # plain data: nothing in the store needs a library to be rebuilt
        writers: dict[tuple[str, str], list[Artifact]] = {}
        for artifact in pickled:
            for library, version in artifact.written_by.items():
                if re.match(r"\d", version) and library != "protocol":
                    writers.setdefault((library, version), []).append(artifact)
        declared, files = _declarations(subject.root)
        rows = []
        for (library, version), artifacts in sorted(writers.items()):
            name = canonicalize_name(_DISTRIBUTION.get(library, library))
            wish = declared.get(name)
            shown = "not declared"
            if wish:
                shown = ", ".join(wish.locked) or wish.specifier or "any version"
            rows.append((library, version, len(artifacts), shown, wish.file if wish else ""))
            yield from self._judge(library, version, artifacts, wish, files)
        yield Evidence(
            "writers",
            "Libraries that wrote the artifacts, and what the repository declares",
            ("library", "wrote", "artifacts", "declared", "in"),
            tuple(rows),
        )
        yield Examined(len(writers), "library versions in artifacts")
        yield from self._own_classes(subject, pickled)

    def _judge(
        self, library: str, version: str, artifacts: list[Artifact], wish: Declared | None,
        files: list[str],
    ) -> Answers:  # fmt: skip
        where = Location(artifacts[0].path, base="artifacts")
        many = f"{len(artifacts)} artifacts were" if len(artifacts) > 1 else "1 artifact was"
        head = f"{many} written by {library} {version}"
        if wish is None:
            named = f"none of {', '.join(files)} declares it" if files else "nothing declares it"
            yield self.finding(
                where,
                f"{head}; {named}",
                measured=f"{library} {version}",
                expected="a declared version",
                key=f"{library} undeclared",
                severity=Severity.MEDIUM,
            )
        elif wrong := [v for v in wish.locked if not _loads(library, version, v)]:
            # A lock may hold one version a Python release; then only some installs are hit.
            some = len(wrong) < len(wish.locked)
            yield self.finding(
                where,
                f"{head}; {wish.file} locks {', '.join(wrong)}"
                + (" for some Python releases" if some else ""),
                measured=f"{library} {version}",
                expected=f"{library} {', '.join(wrong)}",
                key=f"{library} locked",
                severity=Severity.LOW if some else self.severity,
            )
        elif not wish.locked and wish.specifier and not _allows(wish.specifier, version):
            yield self.finding(
                where,
                f"{head}; {wish.file} allows {wish.specifier} only",
                measured=f"{library} {version}",
                expected=wish.specifier,
                key=f"{library} excluded",
            )

    def _own_classes(self, subject: Subject, pickled: list[Artifact]) -> Answers:
        index = code_of(subject.source).index
        own = index.package
        seen: dict[str, list[Artifact]] = {}
        for artifact in pickled:
            for name in artifact.globals:
                top = name.split(".", 1)[0]
                target = index.absolute(name.rpartition(".")[0])
                if (own and top == own) or target.inside:
                    seen.setdefault(name, []).append(artifact)
        for name, artifacts in sorted(seen.items()):
            module, _, symbol = name.rpartition(".")
            path = index.absolute(module).path
            nodes: list[ast.AST] = []
            if path and not path.endswith("/"):
                nodes = index.module(path).bindings.get(symbol, [])
                if index.binds(path, symbol) is None:
                    continue
            if not any(isinstance(n, (*DEFINITIONS, ast.ImportFrom)) for n in nodes):
                yield self.finding(
                    Location(artifacts[0].path, base="artifacts"),
                    f"{len(artifacts)} artifacts hold objects of {name}, which the source does "
                    "not define",
                    measured="no such class",
                    expected=name,
                    key=name,
                    evidence=(),
                )
        if seen:
            yield Examined(len(seen), "classes of the repository in artifacts")


def _loads(library: str, wrote: str, reads: str) -> bool:
    try:
        written, reading = Version(wrote), Version(reads)
    except InvalidVersion:
        return True
    if library in _SAME_RELEASE:
        return written.release[:2] == reading.release[:2]
    return reading.release[:1] >= written.release[:1]


def _allows(specifier: str, version: str) -> bool:
    try:
        return Requirement(f"x{specifier}").specifier.contains(version, prereleases=True)
    except (InvalidRequirement, InvalidVersion):
        return True


def _declarations(root: Path) -> tuple[dict[str, Declared], list[str]]:
    """Distribution to what is declared; a lock wins over a list, a list over pyproject."""
    needs: dict[str, Declared] = {}
    files = []
    project = root / "pyproject.toml"
    if project.is_file():
        files.append(project.name)
        for text in _project_requirements(_toml(project)):
            _add(needs, text, project.name)
    for pattern in _LISTS:
        for file in sorted(root.glob(pattern)):
            files.append(file.relative_to(root).as_posix())
            for line in read_words(file, errors="replace").splitlines():
                _add(needs, line.split("#")[0].strip(), files[-1])
    for name in _LOCKS:
        file = root / name
        if file.is_file():
            files.append(name)
            packages = _toml(file).get("package", [])
            for package in packages if isinstance(packages, list) else []:
                if isinstance(package, dict) and package.get("version"):
                    key = canonicalize_name(str(package.get("name", "")))
                    before = needs[key].locked if needs.get(key, _NONE).file == name else ()
                    needs[key] = Declared(name, (*before, str(package["version"])))
    return needs, files


def _toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_words(file, errors="replace"))
    except tomllib.TOMLDecodeError:
        return {}


def _project_requirements(data: dict[str, object]) -> Iterator[str]:
    project = data.get("project")
    if isinstance(project, dict):
        extras = project.get("optional-dependencies", {})
        lists = [project.get("dependencies", []), *(extras.values() if extras else [])]
        for texts in lists:
            yield from (str(t) for t in texts if isinstance(texts, list))


def _add(needs: dict[str, Declared], text: str, file: str) -> None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return
    pinned = [s.version for s in requirement.specifier if s.operator in ("==", "===")]
    exact = pinned[0] if len(pinned) == 1 and "*" not in pinned[0] else ""
    needs[canonicalize_name(requirement.name)] = Declared(
        file, (exact,) if exact else (), str(requirement.specifier)
    )
