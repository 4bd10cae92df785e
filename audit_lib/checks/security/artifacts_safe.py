from collections import Counter
from fnmatch import fnmatchcase

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import AuditError
from audit_lib.model import Evidence, Examined, Location, Severity, View
from audit_lib.probes.code.own_classes import plain_class
from audit_lib.subject.artifacts import Artifact, Safety, SafetyReason, read_artifact
from audit_lib.subject.artifacts.judge.trust import judge

#: what is said of a class that a Keras file names
_OF_KERAS = ("is not of Keras", "names code that the loader looks up")


class ArtifactsAreSafeToLoad(Check):
    """No artifact of the store runs code of unknown origin when it is loaded.

    What it checks
        Every file of the store: whether its format can carry code, and if so, whether everything it
        names is on the allow-list. What is known to be harmful is critical; what could not be
        decided is refused and medium.
    Why it matters
        Loading a pickle runs what it names, with the rights of the trading process. A model file is
        the easiest way from a training machine into production.
    How
        Interprets the opcodes of every pickle stream, compressed and nested ones included, with a
        stack and memo but without calling anything, and compares each global with an allow-list.
        Deny-lists are evaded; what is not known to be harmless is not called safe. Classes that the
        audited source defines itself may be built bare and given attributes, as long as neither
        they nor what they inherit from, all of it in that source, say what happens then
        (`__new__`, `__setstate__`, `__setattr__`, `__del__`, a metaclass).
    Limitations
        "Safe" is about code: a parser written in C may still be crashed by values it does not
        check, so loading belongs in a child process all the same. Classes that the owners vouch for
        are named in `trusted`: building one bare and giving it attributes is then theirs to answer
        for, and whatever else a file does with it is still found.
    Remediation
        Store models in a format that holds data only (LightGBM or XGBoost text, ONNX, safetensors,
        npz), or name the classes of your own that loading may construct in `trusted`.
    Sources
        Python documentation of `pickle` (warning on untrusted data); NIST SP 800-53 SI-3; CWE-502.
    """

    code = "SEC001"
    severity = Severity.CRITICAL
    reads = Reads.ARTIFACTS
    pure = True

    trusted: tuple[str, ...] = Option(
        (), description="globs of globals (module.name) that loading may construct"
    )

    def run(self, subject: Subject) -> Answers:
        """Report every artifact that must not be loaded."""
        artifacts = subject.artifacts
        rows, alike = [], dict[str, list[Artifact]]()
        for first in artifacts:
            artifact = self._vouched_for(subject, first)
            open_reasons = [r for r in artifact.reasons if not self._vouched(subject, r)]
            refused = artifact.safety.refused and bool(open_reasons or not artifact.reasons)
            refused = refused and not _of_the_package(subject, artifact)
            shown = "; ".join(dict.fromkeys(_short(r) for r in open_reasons[:3]))
            state = artifact.safety.value if refused or not first.reasons else "own or vouched for"
            rows.append((artifact.path, artifact.kind, artifact.size, state, shown))
            if refused and self._unsafe(artifact, open_reasons):
                yield self._report([artifact], "unsafe", shown)
            elif refused:
                alike.setdefault(shown or artifact.path, []).append(artifact)
        for shown, group in alike.items():
            yield self._report(group, "unknown", "" if shown == group[0].path else shown)
        counts = Counter(row[3] for row in rows)
        yield Evidence(
            "artifacts",
            "Artifacts by what loading them could do",
            ("file", "format", "bytes", "safety", "reasons"),
            tuple(rows),
        )
        yield Evidence(
            "safety",
            "How many artifacts are safe to load",
            ("label", "value"),
            tuple(sorted(counts.items())),
            View.BARS,
            "files",
        )
        yield Examined(len(artifacts), "artifacts")

    @staticmethod
    def _unsafe(artifact: Artifact, reasons: list[SafetyReason]) -> bool:
        if not reasons:
            return artifact.safety is Safety.UNSAFE
        return any(r.safety is Safety.UNSAFE for r in reasons)

    def _report(self, group: list[Artifact], verdict: str, shown: str) -> Answer:
        """One finding for each harmful file; one for all files that name the same unknown code."""
        first = group[0]
        named = f"{first.path} ({first.kind})"
        if len(group) > 1:
            others = ", ".join(a.path for a in group[1:3]) + (", …" if len(group) > 3 else "")
            named = f"{len(group)} files, {named}, {others},"
        unsafe = verdict == "unsafe"
        what = "runs or reaches what it must not" if unsafe else "cannot be called safe"
        return self.finding(
            Location(first.path, base="artifacts"),
            f"{named} {what}: {shown or 'no reason recorded'}",
            measured=verdict,
            expected="safe or not executable",
            key=verdict,
            severity=self.severity if unsafe else Severity.MEDIUM,
            evidence=("artifacts",),
        )

    def _vouched_for(self, subject: Subject, artifact: Artifact) -> Artifact:
        """The artifact, read again with the classes that are the source's or vouched for.

        Only that they are named is forgiven: what the file does with them is still judged.
        """
        names = [n for n in artifact.globals if self._trusts(n) or plain_class(subject.source, n)]
        if not names or not artifact.safety.refused:
            return artifact
        try:
            file = subject.store / artifact.path
            return read_artifact(
                file, relative_to=subject.store, trusted=names, readers=subject.readers
            )
        except AuditError:  # it is gone by now, so what was read before stands
            return artifact

    def _trusts(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.trusted)

    def _vouched(self, subject: Subject, reason: SafetyReason) -> bool:
        """True for a reason that is the name alone, in formats whose reader takes no names."""
        named = reason.global_name
        if reason.safety is Safety.UNSAFE:
            return False
        if not self._trusts(named) and not plain_class(subject.source, named):
            return False
        module, _, name = reason.global_name.rpartition(".")
        return reason.why in (judge(module, name).why, *_OF_KERAS)


def _short(reason: SafetyReason) -> str:
    named = f"{reason.global_name}: " if reason.global_name else ""
    return f"{named}{reason.why}"


def _of_the_package(subject: Subject, artifact: Artifact) -> bool:
    """True for the source beside a model that a package carries: other checks read it."""
    within = (subject.store.parent / "__init__.py").is_file()
    file = subject.store / artifact.path
    return within and any(file == source.file for source in subject.source.files)
