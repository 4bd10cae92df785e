from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.probes.code.surroundings import is_aside, surroundings
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.dependencies import Dependencies, is_known, may_bring
from audit_lib.subject.imports import Import, ImportType

#: Tools and backends that nobody imports.
_TOOLS = re.compile(
    r"^(pip|setuptools|wheel|hatch\w*|poetry\S*|flit\S*|build|twine|uv|tox|nox|pre-commit|black|"
    r"ruff|isort|flake8\S*|pylint|mypy\S*|pytest\S*|coverage|codecov|sphinx\S*|mkdocs\S*|"
    r"types-\S+|\S+-stubs|gunicorn|uvicorn|jupyter\S*|notebook|ipykernel|ipython|ipdb|tzdata|"
    r"pyarrow|fastparquet|openpyxl|xlrd|xlsxwriter|tables|lxml|html5lib|numexpr|bottleneck|"
    r"kaleido|cython|pybind11|mkl\S*|cuda\S*|cudatoolkit|nodejs|numpydoc|typing-extensions|"
    r"python-multipart|psycopg2\S*|pymysql|jinja2|tabulate|gcsfs|s3fs|tensorboard\S*)$"
)
_NAMED = re.compile(r"\A[A-Za-z][\w.]{1,40}\Z")
#: Of this Python, of older and of newer ones.
_OTHERS = {"__main__", "distutils", "imp", "asyncore", "asynchat", "compression"}
_STANDARD = sys.stdlib_module_names | _OTHERS
_FORMATS = frozenset(
    {"scikit-learn", "xgboost", "lightgbm", "catboost", "torch", "pytorch", "tensorflow", "keras",
     "joblib", "statsmodels", "skops", "onnxruntime"}
)  # fmt: skip


class DependenciesAreDeclared(Check):
    """Every third-party package that the code imports is declared.

    What it checks
        Imports, in files that touch the subsystem, of what is neither the repository's nor the
        standard library's: some file that installers read declares it. Told as LOW: an import
        within a function, one that a declared package brings along, a package that is declared as
        required and that nothing imports, and packages with formats of their own for models whose
        range of versions has no upper end.
    Why it matters
        The package is there on the machine where the engine was written. On a new one, importing
        the engine fails; or another release than the trained one is installed, and reads stored
        models differently.
    How
        Reads `pyproject.toml`, `setup.cfg`, `setup.py` (as text), `requirements*`,
        `environment*.yml`, `Pipfile` and the metadata of wheels, and compares names loosely.
    Limitations
        A package whose import bears another name than any known spelling is called undeclared, LOW.
        Imports under `try` or `TYPE_CHECKING`, and those of `setup.py`, tests, documents and
        examples, are left out. Where nothing declares anything, that is one finding.
    Remediation
        Declare the package with the range of versions that was tried.
    Sources
        PyPA, Python Packaging User Guide, "Declaring dependencies"; PEP 508 and PEP 621.
    """

    code = "BND013"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare what is imported with what is declared."""
        code, declared = code_of(subject.source), Dependencies(subject.source.root)
        imported = _imported(code)
        yield Examined(len(imported), "third-party packages that are imported")
        yield Examined(len(declared.declared), "declarations")
        missing = {n: imports for n, imports in imported.items() if not declared.declares(n)}
        if not declared.declared:
            if missing:
                yield self._nothing(missing)
            return
        java = "jpype" in imported  # whose imports may be packages of Java
        yield from self._undeclared(code, declared, missing, sure=not java)
        yield from self._unused(code, declared)
        yield from self._open(declared, imported)

    def _nothing(self, missing: dict[str, list[Import]]) -> Answer:
        first = min((f[0] for f in missing.values()), key=lambda i: (i.path, i.node.lineno))
        return self.finding(
            first.location,
            f"no file declares a package, and {len(missing)} are imported: "
            f"{', '.join(sorted(missing))}",
            measured=0,
            expected=f"{len(missing)} declared",
            key="nothing is declared",
        )

    def _undeclared(
        self, code: Code, declared: Dependencies, missing: dict[str, list[Import]], *, sure: bool
    ) -> Answers:
        """One finding of what fails at once, and one of what fails later or is brought along."""
        cases: dict[Severity, list[tuple[Location, str, str]]] = {}
        for name, uses in sorted(missing.items()):
            loading = [i for i in uses if i.type is ImportType.TOP_LEVEL and _loads(code, i.path)]
            first = (loading or uses)[0]
            brought = declared.brings(name)
            effect = "importing the module" if loading else first.symbol or "the module"
            files = len({i.path for i in uses})
            more = f" (and in {files - 1} more file{'s' * (files > 2)})" if files > 1 else ""
            said = f"{name} is imported{more} and no file declares it; {effect} fails where it is "
            said += "missing" + (f"; {brought} brings it for now" if brought else "")
            sure = bool(loading) and not brought and is_known(name)
            severity = self.severity if sure else Severity.LOW
            cases.setdefault(severity, []).append((first.location, name, said))
        for severity, packages in cases.items():
            place, name, said = packages[0]
            names = ", ".join(name for _, name, _ in packages)
            if len(packages) > 1:
                said = f"{len(packages)} packages are imported and no file declares them: {names}"
            table = f"undeclared, {severity.label}"
            heads = ("package", "file", "line", "what it means")
            rows = tuple((n, at.path, at.line or 0, what) for at, n, what in packages)
            yield Evidence(table, "Imported and not declared", heads, rows)
            yield self.finding(
                place,
                said,
                measured=f"{len(packages)} undeclared",
                expected=f"{names} in {_home(declared)}",
                key=table,
                severity=severity,
                evidence=(table,),
            )

    def _unused(self, code: Code, declared: Dependencies) -> Answers:
        names = _every_import(code)
        idle = [
            d
            for d in declared.declared
            if d.required
            and not _TOOLS.match(canonicalize_name(d.name))
            and not any(may_bring(d.name, n) for n in names)
        ]
        if idle:
            rows = tuple((d.name, d.spec, d.file, d.line) for d in idle)
            heads = ("package", "versions", "file", "line")
            yield Evidence("idle", "Declared and never imported", heads, rows)
            listed = ", ".join(dict.fromkeys(d.name for d in idle))
            yield self.finding(
                Location(idle[0].file, line=idle[0].line or None),
                f"declared as required and imported nowhere: {listed}",
                measured=len(rows),
                expected=0,
                key="never imported",
                severity=Severity.LOW,
                evidence=("idle",),
            )

    def _open(self, declared: Dependencies, imported: dict[str, list[Import]]) -> Answers:
        loose = [
            d
            for d in declared.declared
            if d.required
            and canonicalize_name(d.name) in _FORMATS
            and not re.search(r"<|==|~=|\^", d.spec)
        ]
        if loose and imported:
            names = ", ".join(dict.fromkeys(f"{d.name} {d.spec or '(any)'}" for d in loose))
            locked = "; the lock file holds for this checkout only" if declared.locked else ""
            yield self.finding(
                Location(loose[0].file, line=loose[0].line or None),
                f"models are stored in formats of packages whose versions have no upper end: "
                f"{names}{locked}",
                measured=names,
                expected="an upper bound, such as <2",
                key="open ranges",
                severity=Severity.LOW,
            )


def _imported(code: Code) -> dict[str, list[Import]]:
    """Third-party names to the imports, in files that touch the subsystem, that may fail."""
    by_package: dict[str, list[Import]] = defaultdict(list)
    for imported in code.imports.imports:
        guarded = imported.typing_only or imported.caught is not None
        if imported.path not in code.connected or is_aside(imported.path) or guarded:
            continue
        if re.fullmatch(r"setup\.py|hook-.+\.py", PurePosixPath(imported.path).name):
            continue  # run by what builds the package, or by PyInstaller, which brings itself
        if imported.type is ImportType.CONDITIONAL and _tried(code, imported):
            continue
        for name in _foreign(code, imported):
            by_package[name].append(imported)
    return dict(by_package)


def _tried(code: Code, imported: Import) -> bool:
    """True for an import under ``try``, raised again or not, and for one in a handler."""
    around = surroundings(code, imported.path)
    return around is not None and any(
        isinstance(p, (ast.Try, ast.ExceptHandler)) for _, p in around.above(imported.node)
    )


def _loads(code: Code, path: str) -> bool:
    """True where the module is loaded on every path: nobody asks first whether it can be."""
    into = [e for e in code.imports.edges if e.target == path and not is_aside(e.source)]
    return not into or any(e.type is ImportType.TOP_LEVEL and not e.typing_only for e in into)


def _foreign(code: Code, imported: Import) -> Iterator[str]:
    for landing in code.imports.targets(imported):
        written, target = landing.written, landing.target
        top = written.partition(".")[0]
        own = target.path is not None or target.inside or not top
        own = own or top in _STANDARD or top in _own_names(code)
        own = own or any(code.index.has_compiled(r, top) for r in code.index.search_roots)
        if not own:
            yield ".".join(written.split(".")[:2]) if top == "google" else top


def _own_names(code: Code) -> frozenset[str]:
    tops = {p.partition("/")[0].removesuffix(".py") for p in code.tree.by_path}
    return frozenset(tops | {code.index.package})


def _every_import(code: Code) -> frozenset[str]:
    """First parts of all imports anywhere in the repository, tests included."""
    modules: set[str] = set()
    for file in code.tree.files:
        for node in ast.walk(file.tree) if file.tree is not None else ():
            if isinstance(node, ast.Import):
                modules.update(a.name for a in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # import_module("x"), find_spec("x"), engine="x"
                modules.update(_NAMED.findall(node.value))
    return frozenset(modules)


def _home(declared: Dependencies) -> str:
    return next(iter(dict.fromkeys(d.file for d in declared.declared if d.required)), "") or (
        declared.files[0] if declared.files else "pyproject.toml"
    )
