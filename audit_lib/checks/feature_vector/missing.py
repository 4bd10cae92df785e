"""FEA005."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Evidence, Examined, Severity, Task
from audit_lib.probes.asking import Reply, ask, ask_many, frame
from audit_lib.probes.domain import Reaction, kind_of, reaction
from audit_lib.probes.frames import differences
from audit_lib.probes.samples import few, numeric, required
from audit_lib.subject.subject import Subject

Fault = Literal["absent", "nan", "all_nan", "infinite", "text", "duplicate", "empty"]
_ONE_COLUMN = ("absent", "nan", "infinite")


@dataclass(frozen=True)
class Trial:
    """One fault, in one column or in all, and what came of it."""

    fault: Fault
    column: str
    reply: Reply[pd.DataFrame]
    said: str = ""

    @property
    def cause(self) -> str:
        """What an answer to it has in common with answers to others of its kind."""
        how = self.said.replace(self.column, "it") if self.fault in _ONE_COLUMN else ""
        return f"{self.fault}, {how}".rstrip(", ")


class MissingIsNeverMadeUp(Check):
    """A missing or unusable feature is refused or handled as documented, never filled silently.

    What it checks
        Each required column absent in turn is refused, with its name in the reason; a row of
        nothing but NaN, an infinite feature, a column of text, a column twice and an empty frame
        are refused or predicted as NaN; a column that nobody asked for changes nothing.
    Why it matters
        The commonest silent failure of live inference: a feature goes missing upstream, is filled
        with zero or yesterday's value, and the model goes on trading on a constant.
    How
        Drives `predictor.predict` with one fault at a time, and where a prediction comes back
        says which fill explains it (zero, NaN, or the median of the sample).
    Limitations
        A single NaN in a row is often handled by design and is accepted by default; take it out of
        `documented` where it must be refused.
    Remediation
        Compare the columns with the checkpoint's before predicting, and refuse by name.
    Sources
        Breck et al. (2017), The ML Test Score, section V (monitoring of input schema).
    """

    code = "FEA005"
    contract = Contract.FEATURE_VECTOR
    task = Task.T3
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("predictor.predict", "predictor.required")

    rows: int = Field(24, ge=2, description="rows of the sample that are used")
    documented: tuple[Fault, ...] = Field(
        ("nan",), description="faults that the subject documents to predict through"
    )

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Spoil one thing at a time."""
        hook = subject.hook("predictor.predict")
        features = few(subject, self.rows)
        whole = ask(hook, features, into=frame)
        if not whole.answered:
            raise NotAssessed(f"predictor.predict gives no predictions for the sample: {whole.why}")
        asked = list(self._faults(features))
        replies = ask_many(hook, [(table,) for *_, table in asked], into=frame)
        trials = [
            Trial(fault, column, reply, self._said(subject, fault, column, features, reply))
            for (fault, column, _), reply in zip(asked, replies, strict=True)
        ]
        yield Examined(len(trials), "faults")
        yield Evidence(
            "faults",
            "What the predictor does with unusable features",
            ("fault", "column", "reaction", "said"),
            tuple((t.fault, t.column, reaction(t.reply).value, t.said) for t in trials),
        )
        for trial in trials:
            yield from self._judged(subject, trial)
        yield from self._extra(subject, features, whole.got)

    def _faults(self, features: pd.DataFrame) -> Iterator[tuple[Fault, str, pd.DataFrame]]:
        columns = [str(c) for c in features.columns]
        for column in columns:
            yield "absent", column, features.drop(columns=column)
        some = list(dict.fromkeys([columns[0], columns[len(columns) // 2], columns[-1]]))
        for column in some:
            yield "nan", column, self._with(features, column, np.nan)
            yield "infinite", column, self._with(features, column, np.inf)
        yield "all_nan", "", features * np.nan
        yield "text", columns[0], features.assign(**{columns[0]: "n/a"})
        yield "duplicate", columns[0], pd.concat([features, features[[columns[0]]] * 2], axis=1)
        yield "empty", "", features.iloc[:0]

    @staticmethod
    def _with(features: pd.DataFrame, column: str, value: float) -> pd.DataFrame:
        return features.assign(**{column: value})

    def _judged(self, subject: Subject, trial: Trial) -> Iterator[Answer]:
        seen = reaction(trial.reply)
        if trial.fault in self.documented and seen is not Reaction.CRASHED:
            return
        if trial.fault == "empty" and trial.reply.answered and trial.reply.got.empty:
            return
        where = subject.where("predictor.predict")
        what = _TEXT[trial.fault].format(trial.column)
        if seen is Reaction.ANSWERED:
            yield self.finding(
                where,
                f"{what}, and a prediction comes back{trial.said and f': {trial.said}'}",
                measured=trial.said or "a prediction",
                expected="a refusal, or NaN",
                key=f"{trial.fault} {trial.column}".strip(),
                cause=trial.cause,
                severity=None if trial.fault == "absent" else Severity.MEDIUM,
                evidence=("faults",),
            )
        elif seen is Reaction.CRASHED:
            yield self.finding(
                where,
                f"{what}, and prediction crashes instead of refusing: {trial.reply.why}",
                measured=trial.reply.why,
                expected="a refusal that names the feature",
                key=f"{trial.fault} {trial.column}".strip(),
                cause=f"crash of {kind_of(trial.reply.why)}",
                severity=Severity.LOW,
                evidence=("faults",),
            )
        elif trial.fault == "absent" and trial.column not in (trial.reply.refusal or trial.column):
            yield self.finding(
                where,
                f"{what}: the refusal does not name it: {trial.reply.refusal!r}",
                measured=trial.reply.refusal,
                expected=f"a reason that names {trial.column}",
                key=f"unnamed {trial.column}",
                cause="refusals that do not name the feature",
                severity=Severity.INFO,
                evidence=("faults",),
            )

    def _extra(
        self, subject: Subject, features: pd.DataFrame, whole: pd.DataFrame
    ) -> Iterator[Answer]:
        noise = np.random.default_rng(11).normal(size=len(features)) * 1e3
        wider = features.assign(column_that_nobody_asked_for=noise)
        wider = wider[["column_that_nobody_asked_for", *features.columns]]
        reply = ask(subject.hook("predictor.predict"), wider, into=frame)
        yield Examined(1, "frame with a column too many")
        if reply.failure is not None:
            text, severity = f"makes prediction crash: {reply.why}", Severity.LOW
        elif reply.answered and (moved := differences(whole, reply.got, tolerance=1e-9)):
            text, severity = (
                f"changes predictions: {moved[0].column} {moved[0].text}",
                self.severity,
            )
        else:
            return
        yield self.finding(
            subject.where("predictor.predict"),
            f"a column that nobody asked for {text}",
            measured=text,
            expected="the same predictions, or a refusal",
            key="extra",
            severity=severity,
            evidence=("faults",),
        )

    def _said(
        self,
        subject: Subject,
        fault: Fault,
        column: str,
        features: pd.DataFrame,
        reply: Reply[pd.DataFrame],
    ) -> str:
        if not reply.answered:
            return reply.why
        if fault not in _ONE_COLUMN or reaction(reply) is not Reaction.ANSWERED:
            return f"{len(reply.got)} rows"
        median = float(np.nanmedian(numeric(features[[column]])))
        for name, value in (("NaN", np.nan), ("zero", 0.0), ("the sample median", median)):
            filled = ask(
                subject.hook("predictor.predict"),
                self._with(features, column, value)[required(subject)],
                into=frame,
            )
            if filled.answered and not differences(filled.got, reply.got, tolerance=1e-9):
                return f"as if {column} were {name}"
        return f"not explained by zero, NaN or the median of {column}"


_TEXT: dict[Fault, str] = {
    "absent": "{} is absent",
    "nan": "{} is NaN",
    "infinite": "{} is infinite",
    "all_nan": "every feature is NaN",
    "text": "{} is text",
    "duplicate": "{} stands twice",
    "empty": "there is no row",
}
