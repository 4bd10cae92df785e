"""Plant faults one at a time, and say which of them this audit of this subject would have seen."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audit_lib.checks.catalogue import all_checks, check_class
from audit_lib.engine import run_check
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.faults.base import Copy, Fault, Spared
from audit_lib.faults.sensitivity import Planting, Sensitivity, State
from audit_lib.faults.wire import Remembering, Spoiled
from audit_lib.model import CheckResult, Finding, Outcome, breaks
from audit_lib.probes.questions import samples
from audit_lib.selection import configured
from audit_lib.subject.source import SKIPPED_FOLDERS
from audit_lib.subject.subject import Subject

#: cases of one fault that are planted, unless more are asked for
CASES = 3
#: larger trees are not copied
MOST_BYTES = 1 << 30

Told = Callable[[Planting], None]


def prove(
    subject: Subject,
    faults: Sequence[Fault],
    *,
    harmless: Sequence[Fault] = (),
    seed: int = 0,
    cases: int = CASES,
    budget: float = float("inf"),
    told: Told | None = None,
    state: str = "",
    known: Sensitivity | None = None,
    keep: Callable[[Sensitivity], None] | None = None,
) -> Sensitivity:
    """Plant each fault in the answers of the subject's hooks, or in copies of its files.

    Args:
        subject: bound to a version; nothing of it is changed.
        harmless: changes after which no check may find anything.
        seed: decides which cases are planted and what a fault draws.
        cases: how many columns or heads a fault is planted in, one at a time.
        budget: seconds; faults that are not reached are counted in ``left``.
        told: called with each planting.
        state: digest of what the answers rest on; see :func:`audit_lib.faults.kept.state_of`.
        known: an earlier proof; what it settled on the same state is not planted again.
        keep: called with what is settled, after each fault, so that nothing is lost.
    """
    until = time.monotonic() + budget
    begun = Sensitivity(subject.name, subject.version, seed, (), cases=cases, state=state)
    if known is not None and not known.settled(begun):
        known = None
    trial = _Trial(subject, seed, cases, until, told)
    return trial.run(faults, harmless, begun, known or begun, keep or (lambda _: None))


class _Trial:
    """One proof: the clean answers, and what is compared with them."""

    def __init__(
        self, subject: Subject, seed: int, cases: int, until: float, report: Told | None
    ) -> None:
        self.subject = subject.through(Remembering)
        self.seed = seed
        self.cases = cases
        self.until = until
        self.report = report or (lambda _: None)
        self.clean: dict[str, CheckResult] = {}

    def run(
        self,
        faults: Sequence[Fault],
        harmless: Sequence[Fault],
        done: Sensitivity,
        known: Sensitivity,
        keep: Callable[[Sensitivity], None],
    ) -> Sensitivity:
        for fault in faults:
            before = tuple(p for p in known.plantings if p.fault == fault.name)
            if not before and time.monotonic() > self.until:
                done = replace(done, left=done.left + 1)
                continue
            plantings = before or tuple(map(self._report, self._planted(fault)))
            done = replace(done, plantings=(*done.plantings, *plantings))
            if not before:
                keep(_with_known(done, known))
        for fault in harmless:
            accused = [p for p in known.accused if p.fault == fault.name]
            idle = fault.name in known.idle
            is_new = not (accused or idle or fault.name in known.quiet)
            if is_new and time.monotonic() > self.until:
                done = replace(done, left=done.left + 1)
                continue
            if is_new:
                planting = self._harmless(fault)
                idle = planting is None
                if planting and planting.state is State.SEEN:
                    accused = [self._report(planting)]
            if accused:
                done = replace(done, accused=(*done.accused, *accused))
            elif idle:
                done = replace(done, idle=(*done.idle, fault.name))
            else:
                done = replace(done, quiet=(*done.quiet, fault.name))
            if is_new:
                keep(_with_known(done, known))
        keep(_with_known(done, known))
        return done

    def _report(self, planting: Planting) -> Planting:
        self.report(planting)
        return planting

    # --- one fault ----------------------------------------------------------------------------
    def _planted(self, fault: Fault) -> Iterator[Planting]:
        try:
            for case in self._cases(fault):
                if fault.edit is not None:
                    with self._copied(fault) as spoiled:
                        planting = self._judged(fault, case, spoiled, None)
                        copies = f"{spoiled.root.parent.parent}/"
                        yield replace(planting, why=planting.why.replace(copies, ""))
                else:
                    spoiled, wire = self._spoiled(fault, case)
                    yield self._judged(fault, case, spoiled, wire)
        except Spared as error:
            yield _planting(fault, "", State.SPARED, str(error))

    def _cases(self, fault: Fault) -> list[str]:
        missing = [h for h in fault.hooks if not self.subject.has(h)]
        if fault.hooks and len(missing) == len(fault.hooks):
            raise Spared(f"there is no hook {' or '.join(missing)}")
        if not fault.case:
            return [""]
        try:
            if fault.case == "head":
                names = [str(c) for c in samples.predictions(self.subject).columns]
            else:
                names = samples.required(self.subject)
        except (NotAssessed, NotApplicable) as error:
            raise Spared(f"no {fault.case} is known: {str(error).splitlines()[0]}") from None
        drawn = np.random.default_rng(self.seed).permutation(len(names))[: self.cases]
        return [names[i] for i in sorted(drawn)]

    def _spoiled(self, fault: Fault, case: str) -> tuple[Subject, list[Spoiled]]:
        wires: list[Spoiled] = []

        def wrap(host: Any) -> Any:
            wires.append(Spoiled(host, fault, case=case, seed=self.seed))
            return wires[-1]

        return self.subject.through(wrap), wires

    def _judged(
        self, fault: Fault, case: str, spoiled: Subject, wires: list[Spoiled] | None
    ) -> Planting:
        results: list[CheckResult] = []
        for code in fault.sees:
            results.append(run_check(configured(check_class(code), spoiled), spoiled))
            new = self._new(results[-1])
            if new:
                seen = _planting(fault, case, State.SEEN, new[0].message, by=code)
                return _counted(seen, wires)
        state, why = self._unseen(results, wires)
        notes = [f"{r.code} only notes it: {f.message}" for r in results for f in self._notes(r)]
        why = notes[0] if notes and state is State.UNSEEN else why
        return _counted(_planting(fault, case, state, why), wires)

    def _new(self, result: CheckResult) -> list[Finding]:
        """Findings that break a contract, and are not there without the fault."""
        clean = {f.fingerprint for f in self._clean(result.code).findings if breaks(f)}
        return [f for f in result.findings if breaks(f) and f.fingerprint not in clean]

    def _notes(self, result: CheckResult) -> list[Finding]:
        """Findings that only inform, and are not there without the fault."""
        clean = {f.fingerprint for f in self._clean(result.code).findings}
        return [f for f in result.findings if not breaks(f) and f.fingerprint not in clean]

    def _clean(self, code: str) -> CheckResult:
        if code not in self.clean:
            check = configured(check_class(code), self.subject)
            self.clean[code] = run_check(check, self.subject)
        return self.clean[code]

    def _unseen(
        self, results: Sequence[CheckResult], wires: list[Spoiled] | None
    ) -> tuple[State, str]:
        if wires is not None and not any(w.asked for w in wires):
            before = [self._clean(r.code) for r in results]
            return State.UNTOLD, "; ".join(f"{r.code}: {r.reason or r.outcome}" for r in before)
        if wires is not None and not any(w.changed for w in wires):
            return State.SPARED, "no answer changed"
        for result in results:
            clean = self._clean(result.code)
            if clean.outcome is Outcome.FAIL and result.outcome is Outcome.FAIL:
                return State.HIDDEN, f"{result.code} fails without it: {clean.findings[0].message}"
        for result in results:
            if self._clean(result.code).outcome is Outcome.PASS and result.outcome in (
                Outcome.NOT_ASSESSED,
                Outcome.ERROR,
            ):
                return State.INCONCLUSIVE, f"{result.code}: {result.reason}"
        if all(r.outcome is not Outcome.PASS for r in results):
            return State.UNTOLD, "; ".join(f"{r.code}: {r.reason or r.outcome}" for r in results)
        passed = [r for r in results if r.outcome is Outcome.PASS]
        return State.UNSEEN, "; ".join(f"{r.code} passes, {_examined(r)}" for r in passed)

    # --- harmless changes ---------------------------------------------------------------------
    def _harmless(self, fault: Fault) -> Planting | None:
        """What a harmless change came to; None where it could change nothing."""
        if not self.subject.has(fault.hooks[0]):
            return None
        spoiled, wires = self._spoiled(fault, "")
        for check in all_checks():
            if fault.hooks[0] not in check.needs:
                continue
            new = self._new(run_check(configured(check, spoiled), spoiled))
            if new:
                return _planting(fault, "", State.SEEN, new[0].message, by=check.code)
            if any(w.asked for w in wires) and not any(w.changed for w in wires):
                return None  # what one check asked came back the same: so will the rest
        if not any(w.changed for w in wires):
            return None
        return _planting(fault, "", State.UNSEEN, "nothing is accused, as it should be")

    # --- copies -------------------------------------------------------------------------------
    @contextmanager
    def _copied(self, fault: Fault) -> Iterator[Subject]:
        """The subject on copies of its files, with the fault in them."""
        assert fault.edit is not None
        subject = self.subject
        with tempfile.TemporaryDirectory(prefix="prove-") as folder:
            root = _tree(subject.root, Path(folder) / "source" / subject.root.name)
            artifacts = subject.parameters.artifacts
            parameters, store, registry = subject.parameters, None, None
            place = metadata = root
            if artifacts is not None:
                try:
                    store = _tree(subject.store, Path(folder) / "store" / subject.store.name)
                    within = subject.version_folder.relative_to(subject.store)
                    place = store / within
                    metadata = next(iter(sorted(place.glob(artifacts.metadata or "*.json"))), place)
                except NotAssessed as error:
                    raise Spared(str(error)) from None
                registry = store / artifacts.registry.file if artifacts.registry else None
                here = artifacts.model_copy(update={"store": str(store)})
                parameters = parameters.model_copy(update={"artifacts": here})
            fault.edit(Copy(root, store, subject.version, place, metadata, registry, self.seed))
            bound = Subject(parameters, subject.folder, root).at(subject.version)
            try:
                yield bound
            finally:
                bound.close()


def _with_known(done: Sensitivity, known: Sensitivity) -> Sensitivity:
    """What is settled, with what an earlier proof settled and this one has not come to."""
    mine = {p.fault for p in (*done.plantings, *done.accused)} | {*done.quiet, *done.idle}
    return replace(
        done,
        plantings=(*done.plantings, *(p for p in known.plantings if p.fault not in mine)),
        quiet=(*done.quiet, *(n for n in known.quiet if n not in mine)),
        idle=(*done.idle, *(n for n in known.idle if n not in mine)),
        accused=(*done.accused, *(p for p in known.accused if p.fault not in mine)),
    )


def _tree(source: Path, to: Path) -> Path:
    files = (p for p in source.rglob("*") if p.is_file() and not p.is_symlink())
    if sum(p.stat().st_size for p in files) > MOST_BYTES:
        raise Spared(f"{source.name} is larger than {MOST_BYTES >> 30} GiB, and is not copied")
    skipped = shutil.ignore_patterns(*SKIPPED_FOLDERS)
    return Path(shutil.copytree(source, to, symlinks=True, ignore=skipped))


def _planting(fault: Fault, case: str, state: State, why: str, *, by: str = "") -> Planting:
    return Planting(
        fault.name,
        fault.contract,
        case,
        fault.told,
        fault.least,
        state,
        by or ", ".join(fault.sees),
        why.splitlines()[0] if why else "",
    )


def _counted(planting: Planting, wires: Iterable[Spoiled] | None) -> Planting:
    used = list(wires or [])
    return replace(planting, changed=sum(w.changed for w in used), asked=sum(w.asked for w in used))


def _examined(result: CheckResult) -> str:
    return ", ".join(f"{e.count} {e.what} examined" for e in result.examined) or "examined nothing"
