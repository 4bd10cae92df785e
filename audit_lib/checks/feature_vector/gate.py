import ast
import re
from typing import Any

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.market.derived_names import composed
from audit_lib.probes.questions.asking import Reply, ask, ask_many, mapping, texts
from audit_lib.probes.questions.domain import on_purpose
from audit_lib.probes.questions.samples import built

MODES, ADMITTED, POLICY = "features.modes", "features.admitted", "features.policy"
_AFFIX = re.compile(r"[A-Za-z][A-Za-z0-9]*_|_[A-Za-z0-9]+")


class TheFeatureGateIsClosed(Check):
    """The filter of features lets through what its mode allows, and nothing that it does not know.

    What it checks
        For each mode and each type of `features.policy`: names of the type are let through where
        the mode is declared to allow it, and held back where not. Made-up names, names that differ
        in case or by a suffix from one that is known, and the empty name are held back in every
        mode; so are names that are made as derived features are (`X_gap_x_volume`), of a parent
        whose type the mode does not allow; a mode that nobody declared is refused, or lets nothing
        through; the filter answers with names that it was given, each once, whatever else is in the
        list.
    Why it matters
        A filter written as "drop what is listed as research" lets every new feature through, and
        so does one whose default type is causal: the feature that looks ahead is always the newest.
    How
        Drives `features.admitted` with the names of the policy, alone and together, in every mode
        of `features.modes`, and with seeded names that nobody registered.
    Limitations
        Whether a type is the right one is measured by FEA101.
    Remediation
        Look the type up, let only listed types through, and raise for a name or mode that has none.
    Sources
        Saltzer and Schroeder (1975), The Protection of Information in Computer Systems
        (fail-safe defaults).
    """

    code = "FEA012"
    severity = Severity.HIGH
    needs = (ADMITTED, MODES, POLICY)
    offered = (ADMITTED, MODES)
    cites = ("gate",)

    drawn: int = Field(12, ge=1, description="made-up names")
    derived: int = Field(4, ge=1, description="parents of each type of which names are made up")
    seed: int = Field(17, description="of the made-up names")

    def run(self, subject: Subject) -> Answers:
        """Ask for every mode."""
        modes, policy = (self._declared(subject, name) for name in (MODES, POLICY))
        if not modes or not policy:
            raise NotAssessed(f"{MODES if policy else POLICY} answers nothing")
        types = {str(name): str(kind) for name, kind in policy.items()}
        strangers = self._strangers(list(types))
        parent_of = self._derived_names(subject, types)
        rows: list[tuple[str, str, int, int, str]] = []
        count = 0
        for mode, declared in modes.items():
            allowed = {str(kind) for kind in declared}
            derived = [n for n, parent in parent_of.items() if types[parent] not in allowed]
            passed, why_not = self._passed(subject, str(mode), [*types, *strangers, *derived])
            count += len(passed)
            if why_not:
                yield Gap(f"names in mode {mode}", why_not)
            for kind in sorted(set(types.values())):
                names = [n for n, k in types.items() if k == kind and n in passed]
                through = [n for n in names if passed[n]]
                due = kind in allowed
                word = "let through" if due else "held back"
                rows.append((str(mode), kind, len(through), len(names), word))
                wrong = [n for n in names if passed[n] != due]
                if wrong:
                    yield self._wrong(str(mode), kind, wrong, len(names), due=due)
            yield from self._stranger(str(mode), [n for n in strangers if passed.get(n)])
            yield from self._inherits(str(mode), parent_of, types, passed, derived)
            yield from self._together(subject, str(mode), passed)
        yield Examined(count, "names in a mode")
        columns = ("mode", "type", "let through", "names", "declared")
        yield Evidence("gate", "What the filter lets through", columns, tuple(rows))
        yield from self._unknown_mode(subject, list(types))

    def _derived_names(self, subject: Subject, types: dict[str, str]) -> dict[str, str]:
        """Made-up derived names, each to the parent that it was given; a few of each type."""
        try:
            columns = [str(c) for c in built(subject).columns]
        except (NotAssessed, NotApplicable):
            columns = []
        forms, parent_of = [*types, *columns], dict[str, str]()
        for kind in sorted(set(types.values())):
            for parent in [n for n, k in types.items() if k == kind][: self.derived]:
                for name in dict.fromkeys(composed(forms, types, parent)):
                    if name not in types:
                        parent_of.setdefault(name, parent)
        rng = np.random.default_rng(self.seed + 1)
        chosen = rng.permutation(sorted(parent_of))[: 10 * self.derived]
        spelt = [
            (form.format(parent), parent)
            for form in _affixes(subject)
            for kind in sorted(set(types.values()))
            for parent in [n for n, k in types.items() if k == kind][:1]
        ]
        made = {str(name): parent_of[str(name)] for name in chosen}
        return made | {n: parent for n, parent in spelt[: 10 * self.derived] if n not in types}

    @staticmethod
    def _declared(subject: Subject, hook: str) -> dict[str, Any]:
        return ask(subject.hook(hook), into=mapping).needed(hook)

    def _strangers(self, names: list[str]) -> list[str]:
        rng = np.random.default_rng(self.seed)
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz_0123456789"))
        drawn = ["f" + "".join(rng.choice(letters, 11)) for _ in range(self.drawn)]
        near = [n + "_v2" for n in names[:3]] + [n.swapcase() for n in names[:3]]
        return [n for n in dict.fromkeys([*drawn, *near, ""]) if n not in names]

    @staticmethod
    def _passed(subject: Subject, mode: str, names: list[str]) -> tuple[dict[str, bool], str]:
        """Name to whether it is let through alone; why some are not known."""
        calls = [([name], mode) for name in names]
        replies = ask_many(subject.hook(ADMITTED), calls, into=texts)
        passes, why_not = {}, ""
        for name, reply in zip(names, replies, strict=True):
            if reply.answered or _declined(reply):
                passes[name] = reply.answered and name in reply.got
            else:
                why_not = reply.why
        return passes, why_not

    def _wrong(self, mode: str, kind: str, wrong: list[str], among: int, *, due: bool) -> Answer:
        how = "holds back" if due else "lets through"
        return self.departs(
            f"mode {mode} {how} {len(wrong)} of {among} features of type {kind}, first {wrong[0]}",
            measured=f"{how} {len(wrong)} of {among}",
            expected=f"{'let through' if due else 'held back'}, as {MODES} declares",
            key=f"{mode} {kind}",
            severity=Severity.MEDIUM if due else Severity.CRITICAL,
        )

    def _stranger(self, mode: str, through: list[str]) -> Answers:
        if through:
            yield self.departs(
                f"mode {mode} lets {len(through)} names through that nobody registered, "
                f"first {through[0]!r}",
                measured=f"{len(through)} names that are in no policy",
                expected="none",
                key=f"{mode} strangers",
                cause="names that nobody registered are let through",
            )

    def _inherits(
        self,
        mode: str,
        parent_of: dict[str, str],
        types: dict[str, str],
        passed: dict[str, bool],
        derived: list[str],
    ) -> Answers:
        through = [n for n in derived if passed.get(n)]
        if through:
            parent = parent_of[through[0]]
            yield self.departs(
                f"mode {mode} lets {len(through)} of {len(derived)} derived names through whose "
                f"parent it holds back, first {through[0]!r} of {parent} ({types[parent]})",
                measured=f"{len(through)} of {len(derived)}",
                expected="a type no more permissive than the parent's",
                key=f"{mode} derived",
                cause="derived names are let through whatever they are made of",
            )

    def _together(self, subject: Subject, mode: str, passed: dict[str, bool]) -> Answers:
        """All names at once: what each gets alone, or a refusal of the whole list."""
        reply = ask(subject.hook(ADMITTED), [*passed], mode, into=texts)
        if not reply.answered:
            if not _declined(reply):
                yield Gap(f"all names in mode {mode}", reply.why)
            return
        due = [n for n, through in passed.items() if through]
        more = sorted(set(reply.got) - set(due))
        less = sorted(set(due) - set(reply.got))
        twice = len(reply.got) != len(set(reply.got))
        if more or less or twice:
            what = f"{more[0]!r} is let through" if more else ""
            what = what or (f"{less[0]!r} is held back" if less else "a name is answered twice")
            yield self.departs(
                f"in mode {mode}, among {len(passed)} names, {what}; alone it is not so",
                measured=what,
                expected="what each name gets alone",
                key=f"{mode} together",
                cause="a list is filtered otherwise than its names",
            )

    def _unknown_mode(self, subject: Subject, names: list[str]) -> Answers:
        for mode in ("no-such-mode", ""):
            reply = ask(subject.hook(ADMITTED), names, mode, into=texts)
            if reply.answered and reply.got:
                yield self.departs(
                    f"mode {mode!r}, which nobody declared, lets {len(reply.got)} of {len(names)} "
                    "features through",
                    measured=f"{len(reply.got)} of {len(names)}",
                    expected="a refusal",
                    key=f"mode {mode!r}",
                    cause="modes that nobody declared let features through",
                )


def _declined(reply: Reply[list[str]]) -> bool:
    return reply.refusal is not None or on_purpose(reply) or "KeyError" in (reply.failure or "")


def _affixes(subject: Subject) -> list[str]:
    """Forms of derived names that the policy's own files spell: ``z_{}``, ``{}_sq``."""
    entered = (*subject.entered(POLICY), *subject.entered(ADMITTED))
    files = [subject.source.by_path.get(e.path) for e in entered]
    trees = {f.path: f.tree for f in files if f is not None and f.tree is not None}
    nodes = [n for tree in trees.values() for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    spelt = [n.value for n in nodes if isinstance(n.value, str) and _AFFIX.fullmatch(n.value)]
    return [f"{t}{{}}" if t.endswith("_") else f"{{}}{t}" for t in dict.fromkeys(spelt)]
