from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.probes.code.loaders import Load, loads
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import code_of
from audit_lib.subject.units import MODULE

_COPIES = 3
"""modules with one function of a name that loads in one way, from which on it was copied"""

_HABIT = 5
"""modules of one folder that load pickles, from which on that is one finding"""


class LoadersRunNothing(Check):
    """What the engine loads is not run by being loaded.

    What it checks
        Calls of pickle, joblib, dill and their like, `np.load(allow_pickle=True)`, `torch.load`
        without `weights_only=True`, `yaml.load` without a safe loader, `eval` and `exec` on what is
        not a text of the source, shells that are given made-up commands.
    Why it matters
        A model file that somebody replaced, or a line of a configuration, is then a program that
        runs with the rights of the trading engine.
    How
        Follows the name that is called through imports, and the argument back to a parameter, a
        file, or another call, and on to the functions that call for it: the path on which outside
        data comes. HIGH for `eval`, `exec` and shells, MEDIUM for loaders; LOW where the function,
        or one that it calls, works out a digest or checks a signature before, and where the code
        that is run stands in the source but for parts of it.
    Limitations
        That a digest is compared with the right one is not followed (CHK002 and CHK102 measure it).
        Classes that wrap a loader of a library are not known.
    Remediation
        Store plain data, or check a digest that comes from elsewhere before the file is opened.
    Sources
        Python documentation, warnings of `pickle`, `eval` and `subprocess`; CWE-502, 78, 95.
    """

    code = "SEC002"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Look for loaders in every file that touches the subsystem."""
        code = code_of(subject.source)
        paths = [p for p in sorted(code.connected) if not is_aside(p) and p in code.files]
        rows = []
        alike: dict[tuple[str, str], list[Load]] = defaultdict(list)
        for path in paths:
            for load in loads(code, path):
                if load.outside:
                    alike[path, load.kind].append(load)
                    where = f"{path}:{load.node.lineno}"
                    guard = "checked before" if load.proven else ""
                    rows.append((where, load.what, " ← ".join(load.outside), guard))
        for modules, members in self._together(alike):
            more = f"; so in {', '.join(modules[1:])}" if len(modules) > 1 else ""
            yield self._report(modules[0], members, more)
        if rows:
            heads = ("place", "call", "where the data comes from", "digest")
            yield Evidence("loaders", "Calls that run what they read", heads, tuple(rows))
        yield Examined(len(paths), "files")

    def _together(
        self, alike: dict[tuple[str, str], list[Load]]
    ) -> Iterator[tuple[list[str], list[Load]]]:
        """Modules that are told as one: of one class or copied function, or a folder's habit."""
        habits: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for (path, kind), found in alike.items():
            habits[found[0].unit.name, found[0].what, found[0].outside[-1]].append(path)
            habits[PurePosixPath(path).parent, kind].append(path)
        told: set[tuple[str, str]] = set()
        for (path, kind), found in alike.items():
            name = found[0].unit.name
            same = habits[name, found[0].what, found[0].outside[-1]]
            if len(same) < (2 if "." in name else _COPIES):  # one class, or one name
                same = habits[PurePosixPath(path).parent, kind]
                same = same if kind == "pickle" and len(same) >= _HABIT else [path]
            if (path, kind) not in told:
                told |= {(p, kind) for p in same}
                yield [path, *(p for p in same if p != path)], found

    def _report(self, path: str, cases: list[Load], more: str = "") -> Answer:
        first = min(cases, key=lambda f: (f.proven, f.template, f.node.lineno))
        own = sum(f.unit is first.unit for f in cases)
        times = f" {own} times" if own > 1 else ""
        whats = " and ".join(dict.fromkeys(f.what for f in (first, *cases) if f.unit is first.unit))
        others = dict.fromkeys(f.unit.name for f in cases if f.unit is not first.unit)
        way = " ← ".join(first.outside)
        level = Severity.HIGH if first.kind in ("eval", "shell") else self.severity
        if first.proven or first.kind == "full yaml" or (first.kind == "eval" and first.template):
            level = Severity.LOW
        where = first.unit.name if first.unit.name != MODULE else "the module"
        runs = {
            "eval": "runs what it is given",
            "shell": "runs what it is given",
            "full yaml": "ran what the file holds until PyYAML 5.4",
        }.get(first.kind, "runs what the file holds")
        return self.finding(
            Location(path, line=first.node.lineno, symbol="" if where == "the module" else where),
            f"{where} calls {whats}{times}, which {runs}"
            + (f"; it comes from {way}" if way else "")
            + ("; a digest is worked out before" if first.proven else "")
            + (f"; so with {', '.join(others)}" if others else "")
            + more,
            measured=first.what,
            expected=first.mend,
            key=first.what,
            severity=level,
            evidence=("loaders",),
        )
