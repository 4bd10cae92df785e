from collections import Counter
from pathlib import PurePosixPath

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.code.assumptions import Choice, Shelf, choices
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.pointers import keys_of


class WhatConsumersAssumeHolds(Check):
    """What code outside the subsystem assumes about versions, the registry does.

    What it checks
        Every place outside the subsystem that chooses a version: by a default, by asking for
        `latest` or `champion`, by what it falls back on, by the place of a row in the registry, or
        by a listing of files. None falls back on another version than was asked for; a row that is
        taken for the newest by its place is the one that the registry calls latest; and no file
        listing stands in for the registry.
    Why it matters
        A dashboard that reports the last row, and a service that trades the champion, speak of two
        models. A `latest` in an `except` serves what nobody chose on the day the champion is gone.
    How
        Reads the syntax of the files outside the subsystem; where all is under audit, of those
        that use the engine and that nothing imports. Lays each place beside the registry file: its
        rows, `latest` and `champion`.
    Limitations
        Choices whose names do not speak of versions are not seen; what a called function does with
        the role is VER002's.
    Remediation
        Ask the registry for the version, in one function, and pass its id on; let a role that
        points nowhere be an error.
    Sources
        Hyrum's law; SR 11-7 section V (model inventory).
    """

    code = "BND021"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True
    cites = ("assumed",)

    def run(self, subject: Subject) -> Answers:
        """Find the places, and compare each with the registry."""
        code = code_of(subject.source)
        audited = {f.file.path for f in code.subsystem}
        own = [p for p in sorted(code.files) if not is_aside(p)]
        outside = [p for p in own if p not in audited] or [p for p in own if _at_the_edge(code, p)]
        if not outside:
            raise NotApplicable("nothing stands outside the subsystem")
        rows, order, latest, champion = self._registry(subject)
        layout, ids = subject.layout, tuple(v for v in subject.versions() if v)
        store = PurePosixPath(str(layout.store or "").replace("\\", "/")).name
        shelf = Shelf((store.lower(),), ids, PurePosixPath(layout.metadata or "").name)
        assumed = [c for p in outside for c in choices(code.files[p], rows, shelf)]
        assumed = list({(str(c.location), c.how, c.role): c for c in assumed}.values())
        yield Examined(len(outside), "files outside the subsystem")
        table = []
        for choice in assumed:
            holds, finding = self._judged(choice, order, latest, champion)
            where = f"{choice.location.path}:{choice.location.line}"
            table.append((where, choice.how, choice.role, choice.text, holds))
            if finding is not None:
                severity, what = finding
                yield self.finding(
                    choice.location,
                    f"{choice.text}: {what}",
                    measured=f"{choice.how}, {choice.role}",
                    expected="the version that the registry answers, or an error",
                    key=f"{choice.how} {choice.location.symbol}",
                    cause=f"versions are chosen {choice.how}",
                    severity=severity,
                )
        columns = ("where", "how", "role", "source", "beside the registry")
        yield Evidence("assumed", "How consumers choose a version", columns, tuple(table))
        defaults = Counter(c.role for c in assumed if c.how == "default")
        if len(defaults) > 1:
            roles = ", ".join(f"{role} in {n}" for role, n in sorted(defaults.items()))
            first = next(c for c in assumed if c.how == "default")
            yield self.finding(
                first.location,
                f"consumers take different defaults ({roles} places): without a version asked for, "
                "they speak of different models",
                measured=roles,
                expected="one default, or a reason for each",
                key="defaults",
                severity=Severity.INFO,
            )

    @staticmethod
    def _registry(subject: Subject) -> tuple[str, list[str], str | None, str | None]:
        """The key of the registry's rows, their ids in order, and whom the roles name."""
        layout = subject.parameters.registry_layout
        rows = keys_of(layout.versions)[-1] if layout and layout.versions else ""
        try:
            registry = subject.registry
        except NotAssessed:
            return rows, [], None, None
        return rows, list(registry.rows), registry.latest, registry.champion

    @staticmethod
    def _judged(
        choice: Choice, order: list[str], latest: str | None, champion: str | None
    ) -> tuple[str, tuple[Severity, str] | None]:
        """What the registry says to it, and the finding, where it does not hold."""
        if choice.how == "fall-back":
            answer = (
                f"{choice.role} is {(latest if choice.role == 'latest' else champion) or 'nobody'}"
            )
            return answer, (
                Severity.MEDIUM,
                f"where what was asked for cannot be had, {choice.role} is taken in its place",
            )
        if choice.how == "by place":
            if latest is None or len(order) < 2:
                return "one row, or no latest: either end is the same", None
            taken = order[0] if choice.role == "first" else order[-1]
            if taken == latest:
                return f"{taken}, which is latest today", None
            return f"{taken}; latest is {latest}", (
                Severity.HIGH,
                f"the {choice.role} row is {taken}, and the registry's latest is {latest}",
            )
        if choice.how == "on disk":
            return f"latest is {latest or 'nobody'}", (
                Severity.MEDIUM,
                "the newest of a listing is taken, whatever the registry says",
            )
        named = latest if choice.role == "latest" else champion
        if order and named is None:
            return f"the registry names no {choice.role}", None
        return f"{choice.role} is {named or 'not known'}", None


def _at_the_edge(code: Code, path: str) -> bool:
    """True for what uses the engine and is used by nobody: where all of it is under audit."""
    used = any(e.source == path for e in code.imports.edges)
    return used and not code.imports.importers.get(path)
