import dataclasses
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NoRegistry, NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Scalar, Severity
from audit_lib.probes.lifecycle.registries import Resolution, odd_ids, resolution
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import Reply, ask, ask_many, frame
from audit_lib.probes.questions.domain import control, on_purpose
from audit_lib.probes.questions.samples import built, few, panel, required, spread

FALLS_BACK = "falls back on another version"
PREDICTS = "predicts"
LOADED = 12
"""newest listed versions that are loaded"""
CRASHED, RAISED = Severity.HIGH, Severity.MEDIUM
"""of one that crashes, and of one at which somebody raises an error that is no refusal"""
TAKEN_FOR_PATHS = "ids are taken for paths"
_LONGEST = 60
"""letters of a request that a message shows"""


class ExplicitMeansExplicit(Check):
    """A request for a version is answered with that version, or refused.

    What it checks
        Every listed version resolves to itself, with files that exist inside the store, and can be
        loaded; ids that nobody registered (misspelt, cut short, with path separators, empty) are
        refused; and a version whose files are gone, or whose registry is, is refused rather than
        replaced.
    Why it matters
        A silent fallback to another version is the worst answer a registry can give: everything
        downstream works, with a model that nobody asked for.
    How
        Drives `registry.resolve` on the store and on scratch copies that lack the version's
        folder, its metadata, the registry file, or half of the registry file.
        The newest twelve listed versions predict two sample rows each, where the hooks allow: one
        that crashes where another predicts is listed and is none. A refusal is in order.
        What is answered for the wrong id is also loaded, by a prediction of two sample rows where
        the hooks allow: what the engine then refuses does less harm than what it serves.
    Limitations
        Versions whose features the sample does not hold are not loaded; what becomes of damaged
        files is judged by CHK102.
    Remediation
        Look ids up exactly, validate them before they touch a path, and raise where nothing fits.
    Sources
        CWE-22, path traversal; SR 11-7 section V (model inventory).
    """

    code = "VER001"
    severity = Severity.CRITICAL
    needs = ("registry.resolve",)
    cites = ("requests",)

    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Ask for what there is, what there is not, and what is gone."""
        there = subject.versions()
        hook = subject.hook("registry.resolve")
        rows: list[tuple[Scalar, ...]] = []
        findings: list[Answer] = []
        served: dict[str, str] = {}  # what nobody registered, and how it is refused at load
        listed = [(version,) for version in there or [subject.version]]
        control("registry.resolve", ask_many(hook, listed, into=resolution))
        requests = [*there, *odd_ids(subject.version, there)]
        replies = ask_many(hook, [(r,) for r in requests], into=resolution)
        for request, reply in zip(requests, replies, strict=True):
            rows.append(("store as it is", request, self._answer(reply)))
            findings += self._judged(subject, request, reply, served, listed=request in there)
        resolved = [v for v, r in zip(there, replies, strict=False) if r.answered]
        loaded = _predictions(subject, resolved[-LOADED:])
        rows += [("store as it is", f"{v}, loaded", reason) for v, (_, reason) in loaded.items()]
        findings += self._unloadable(subject, loaded)
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        for name, path, how in self._damages(subject, scratch):
            with scratch.damaged(path, how) as store:
                reply = ask(hook.on(store), subject.version, into=resolution)
            rows.append((name, subject.version, self._answer(reply)))
            findings += self._gone(subject, name, how, reply)
        yield Examined(len(rows), "requests")
        unheard = [v for v, r in zip(there, replies, strict=False) if not r.answered]
        if there and len(unheard) == len(there):
            yield Gap("listed versions", f"none resolves: {replies[0].why}")
        yield Evidence(
            "requests", "Requests and answers", ("store", "request", "answer"), tuple(rows)
        )
        yield from findings

    def _judged(
        self,
        subject: Subject,
        request: str,
        reply: Reply[Resolution],
        served: dict[str, str],
        *,
        listed: bool,
    ) -> Answers:
        if reply.failure is not None:
            why = reply.why.replace(request, _short(request)) if request else reply.why
            yield self.departs(
                f"a request for {_short(request)!r} ends in a crash instead of a refusal: {why}",
                measured=why,
                expected=repr(request) if listed else "a refusal",
                key=f"request {request[:40]!r}",
                cause="a request ends in a crash",
                severity=Severity.LOW,
            )
        elif reply.answered and self._alias(subject, request) == reply.got.version:
            yield self.departs(
                f"the id {request!r} is taken for a path, and leads to {reply.got.version!r}",
                measured=reply.got.version,
                expected="a refusal",
                key=f"request {request[:40]!r}",
                cause=TAKEN_FOR_PATHS,
                severity=Severity.MEDIUM,
            )
        elif reply.answered and reply.got.version != request:
            close = request.strip().lower() == reply.got.version.lower()
            yield self.departs(
                f"a request for {request!r} is answered with {reply.got}",
                measured=reply.got.version,
                expected=repr(request) if listed else "a refusal",
                key=f"request {request[:40]!r}",
                cause="ids are not compared exactly"
                if close
                else (TAKEN_FOR_PATHS if _is_path(request, reply.got.version) else FALLS_BACK),
                severity=Severity.LOW if close else None,
            )
        elif reply.answered and not listed:
            alias = self._alias(subject, request)
            if not alias and all(served.values()):  # one that loads is enough
                served[request] = _refused_at_load(subject, request)
            refused = served.get(request, "")
            yield self.departs(
                f"{request!r}, which nobody registered, is answered as a version"
                + (f", and refused when it is loaded: {refused}" if refused else ""),
                measured=reply.got.version,
                expected="a refusal",
                key=f"request {request[:40]!r}",
                cause=TAKEN_FOR_PATHS
                if _is_path(request, request)
                else "what nobody registered is answered"
                + (", and refused at load" if refused else ""),
                severity=Severity.MEDIUM if alias or refused else None,
            )
        elif reply.answered:
            yield from self._files(subject, request, reply.got)

    def _unloadable(
        self, subject: Subject, loaded: dict[str, tuple[Severity | None, str]]
    ) -> Answers:
        """Listed versions that crash where others predict, which is none of the hook's fault."""
        if not any(reason == PREDICTS for _, reason in loaded.values()):
            return
        roles: set[str | None] = set()
        with suppress(NoRegistry):  # a database, which hooks alone speak for
            roles = {subject.registry.latest, subject.registry.champion}
        for version, (failed, reason) in loaded.items():
            if failed is not None:
                yield self.departs(
                    f"version {version!r} is listed and resolves, and cannot be loaded: {reason}",
                    measured=reason,
                    expected="a version that predicts, or is refused",
                    key=f"load {version}",
                    cause="a listed version cannot be loaded",
                    severity=Severity.CRITICAL if version in roles else failed,
                )

    @staticmethod
    def _alias(subject: Subject, request: str) -> str | None:
        """The listed version that the request spells as a path; None where it spells none."""
        plain = posixpath.normpath(request) if request else ""
        return plain if plain != request and plain in subject.versions() else None

    def _files(self, subject: Subject, request: str, got: Resolution) -> Answers:
        outside, missing = got.escapes(subject.store), got.missing(subject.store)
        others = {
            v: subject.at(v).version_folder.relative_to(subject.store).as_posix() + "/"
            for v in subject.versions()
            if v != request
        }
        borrowed = [
            f
            for f in got.files
            for prefix in others.values()
            if prefix != "./" and f.startswith(prefix)
        ]
        for what, files in (
            ("lie outside the store", outside),
            ("are not there", missing),
            ("belong to another version", borrowed),
        ):
            if files:
                yield self.departs(
                    f"{len(files)} files of version {request} {what}, first {files[0]}",
                    measured=files[0],
                    expected="files of the version, in the store",
                    key=f"{request} files {what}",
                    cause=f"files {what}",
                )

    def _gone(self, subject: Subject, name: str, how: str, reply: Reply[Resolution]) -> Answers:
        if reply.answered and reply.got.version != subject.version:
            yield self.departs(
                f"with {name}, a request for {subject.version!r} is answered with {reply.got}",
                measured=reply.got.version,
                expected="a refusal",
                key=name,
                cause=FALLS_BACK,
            )
        elif reply.answered and how == "delete" and name == "the version's folder gone":
            yield self.departs(
                f"with {name}, {subject.version!r} still resolves",
                measured=reply.got.version,
                expected="a refusal",
                key=name,
                severity=Severity.MEDIUM,
            )
        elif reply.failure is not None:
            yield self.departs(
                f"with {name}, a request ends in a crash instead of a refusal: {reply.why}",
                measured=reply.why,
                expected="a refusal",
                key=name,
                cause="a request ends in a crash",
                severity=Severity.LOW,
            )

    @staticmethod
    def _damages(subject: Subject, scratch: ScratchStore) -> Iterator[tuple[str, Path, str]]:
        folder = scratch.version_folder(subject.version)
        if folder.parts and (scratch.store / folder).is_dir():
            yield "the version's folder gone", folder, "delete"
            metadata = Path(subject.metadata.path)
            if (scratch.store / metadata).is_file():
                yield "the version's metadata gone", metadata, "delete"
                yield "the version's metadata cut in half", metadata, "truncate"
        artifacts = subject.parameters.artifacts
        if artifacts and artifacts.registry and (scratch.store / artifacts.registry.file).is_file():
            file = Path(artifacts.registry.file)
            yield "the registry file gone", file, "delete"
            yield "the registry file cut in half", file, "truncate"
            yield "the registry file empty", file, "empty"

    @staticmethod
    def _answer(reply: Reply[Resolution]) -> str:
        return str(reply.got) if reply.answered else reply.why


def _predictions(
    subject: Subject, versions: Sequence[str]
) -> dict[str, tuple[Severity | None, str]]:
    """Version to how bad it is that predicting two sample rows failed, and what came of it.

    Empty where no hook can tell; without those whose columns the sample does not hold.
    """
    effects: dict[str, tuple[Severity | None, str]] = {}
    if len(versions) < 2:  # there is no other that predicts
        return effects
    try:
        hook, features, usual = subject.hook("predictor.predict"), built(subject), required(subject)
    except (NotAssessed, NotApplicable):
        return effects
    for version in versions:
        try:
            columns = required(subject.at(version))
        except (NotAssessed, NotApplicable):
            columns = usual  # what cannot be loaded does not say what it wants either
        if not set(columns) <= set(features.columns):
            continue
        rows = spread(features[columns].dropna(), 2)
        reply = ask(dataclasses.replace(hook, version=version), rows, into=frame)
        how = None if reply.failure is None else (RAISED if on_purpose(reply) else CRASHED)
        effects[version] = (how, PREDICTS if reply.answered else reply.why)
    return effects


def _refused_at_load(subject: Subject, request: str) -> str:
    """How the engine declines to predict with what stands under that id; '' where it does not.

    '' as well where no hook can tell, so that nothing is made light of by guess.
    """
    try:
        predict = subject.hook("predictor.predict")
        hook = dataclasses.replace(predict, version=request)
        names, index = required(subject), panel(subject).index[-2:]
        zeros = pd.DataFrame(np.zeros((len(index), len(names))), index=index, columns=names)
        reply = ask(hook, zeros, into=frame)  # the sample may take long to build
        if not reply.answered and not ask(predict, zeros, into=frame).answered:  # by such rows
            reply = ask(hook, few(subject, 2), into=frame)
    except (NotAssessed, NotApplicable):
        return ""
    return "" if reply.answered else reply.why


def _is_path(request: str, answered: str) -> bool:
    """True where the request means something as a path, and the answer is what it leads to."""
    leads_to = posixpath.normpath(request or ".")
    means = leads_to != request or "/" in request or leads_to.strip(".") == ""
    return means and posixpath.normpath(answered) == leads_to


def _short(request: str) -> str:
    return request if len(request) <= _LONGEST else f"{request[:20]}…"
