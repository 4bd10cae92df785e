import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.files import read_words
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.code.filled_gaps import fills_gaps
from audit_lib.probes.questions.asking import Reply, ask, ask_many, frame
from audit_lib.probes.questions.domain import Reaction, kind_of, on_purpose, reaction
from audit_lib.probes.questions.frames import differences
from audit_lib.probes.questions.samples import few, inputs, numeric, required
from audit_lib.subject.places import units_entered

Fault = Literal["absent", "nan", "all_nan", "infinite", "text", "duplicate", "empty"]
Way = Literal["predicted", "zero", "median", "refused"]
_ONE_COLUMN = ("absent", "nan", "infinite")
PREDICT = "predictor.predict"
HUGE, TINY = 1e300, 1e-30  # what a library that takes zero for missing tells from it


@dataclass(frozen=True)
class Attempt:
    """One fault, in one column or in all, and what came of it."""

    fault: Fault
    column: str
    reply: Reply[pd.DataFrame]
    said: str = ""
    fills: tuple[str, ...] = ()
    """fills that explain the answer: ``zero``, ``median``; ``missing`` for a zero that is a gap"""

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
        are refused or predicted as NaN; a gap is not served as zero where the feature never is; a
        column that nobody asked for changes nothing; and what the subject documents of a fault is
        what happens.
    Why it matters
        The commonest silent failure of live inference: a feature goes missing upstream, is filled
        with zero or yesterday's value, and the model goes on trading on a constant.
    How
        Drives `predictor.predict` with one fault at a time, and where a prediction comes back
        says which fill explains it (zero, NaN, or the median of the sample). An exception counts
        as a refusal where it names the absent feature, or where it is of the kind that libraries
        raise for what they cannot use; other exceptions are crashes.
    Limitations
        A single NaN in a row is often handled by design and may be predicted by default;
        `documented: {nan: refused}` (or `zero`, `median`) says what must happen instead. A model
        that handles NaN itself, as the libraries of boosted trees do, may do so in a row of nothing
        else, too, which is noted (and LOW of one whose fills `features.fills` tells): where no fill
        explains the answers, or where such a library is loaded; never where a function on the way
        of a prediction puts a value in place of a gap, however that is spelt. Where a model takes
        zero for missing, a gap is not served as zero. An infinity that predicts as a very large
        number does is taken for one.
    Remediation
        Compare the columns with the checkpoint's before predicting, and refuse by name.
    Sources
        Breck et al. (2017), The ML Test Score, section V (monitoring of input schema).
    """

    code = "FEA005"
    severity = Severity.HIGH
    needs = (PREDICT, "predictor.required")
    cites = ("faults",)

    rows: int = Field(24, ge=2, description="rows of the sample that are used")
    documented: dict[Fault, Way] = Field(
        {"nan": "predicted"},
        description="what the subject documents of a fault: that it is predicted through (by any "
        "means), filled with zero or the sample's median, or refused",
    )

    def run(self, subject: Subject) -> Answers:
        """Spoil one thing at a time."""
        hook = subject.hook(PREDICT)
        features = few(subject, self.rows)
        whole = ask(hook, features, into=frame).needed(
            "predictor.predict gives no predictions for the sample:"
        )
        cases = list(self._faults(features))
        replies = ask_many(hook, [(table,) for *_, table in cases], into=frame)
        given = [(fault, column, r) for (fault, column, _), r in zip(cases, replies, strict=True)]
        explanations = self._explained(subject, features, given)
        trials = [
            Attempt(*one, *explanation)
            for one, explanation in zip(given, explanations, strict=True)
        ]
        yield Examined(len(trials), "faults")
        yield Evidence(
            "faults",
            "What the predictor does with unusable features",
            ("fault", "column", "reaction", "said"),
            tuple((t.fault, t.column, reaction(t.reply).value, t.said) for t in trials),
        )
        native = _native(subject, trials)
        if not native and self.documented.get("nan") != "zero":
            yield from self._served_as_zero(subject, trials)
        for trial in trials:
            yield from self._judged(trial, native=native, told=subject.has("features.fills"))
        yield from self._extra(subject, features, whole)

    def _served_as_zero(self, subject: Subject, trials: list[Attempt]) -> Answers:
        """A gap is served as zero, which the feature never is on the sample."""
        sample = inputs(subject)
        for trial in trials:
            values = numeric(sample[[trial.column]]) if trial.column in sample else np.zeros(1)
            least, most = float(np.nanmin(values)), float(np.nanmax(values))
            if trial.fault == "nan" and trial.fills == ("zero",) and not least <= 0 <= most:
                yield self._report(
                    trial,
                    f" and is served as a zero is, which it never takes: {least:.4g} to {most:.4g}",
                    "zero",
                    "a refusal, NaN, or a value that it takes",
                    None,
                    "gaps are served as zero",
                    key=f"zero {trial.column}",
                )

    def _faults(self, features: pd.DataFrame) -> Iterator[tuple[Fault, str, pd.DataFrame]]:
        columns = [str(c) for c in features.columns]
        for column in columns:
            yield "absent", column, features.drop(columns=column)
        never = [c for c in columns if not features[c].min() <= 0 <= features[c].max()][:2]
        some = list(dict.fromkeys([columns[0], columns[len(columns) // 2], columns[-1], *never]))
        for column in some:
            yield "nan", column, features.assign(**{column: np.nan})
            yield "infinite", column, features.assign(**{column: np.inf})
        yield "all_nan", "", features * np.nan
        yield "text", columns[0], features.assign(**{columns[0]: "n/a"})
        yield "duplicate", columns[0], pd.concat([features, features[[columns[0]]] * 2], axis=1)
        yield "empty", "", features.iloc[:0]

    def _judged(self, trial: Attempt, *, native: bool, told: bool) -> Answers:
        if trial.fault in self.documented:
            yield from self._as_documented(trial, self.documented[trial.fault])
            return
        seen, reply = reaction(trial.reply), trial.reply
        if trial.fault == "empty" and reply.answered and reply.got.empty:
            return
        if seen is Reaction.ANSWERED:
            if trial.fault == "infinite" and trial.said.endswith("a huge number"):
                return
            if (
                trial.fault == "infinite"
                and self.documented.get("nan") == "predicted"
                and (trial.said.endswith("were NaN"))
            ):
                return  # it is taken for a NaN, which may be predicted through
            by_model = trial.fault == "all_nan" and native
            filled = Severity.LOW if trial.fault == "all_nan" and told else Severity.MEDIUM
            yield self._report(
                trial,
                f", and a prediction comes back{trial.said and f': {trial.said}'}"
                + (": the model handles NaN itself" if by_model else ""),
                trial.said or "a prediction",
                "a refusal, or NaN",
                Severity.INFO if by_model else (None if trial.fault == "absent" else filled),
                trial.cause,
            )
        elif seen is Reaction.CRASHED and not _refused(trial):
            yield self._report(
                trial,
                f", and prediction crashes instead of refusing: {reply.why}",
                reply.why,
                "a refusal that names the feature",
                Severity.LOW,
                f"crash of {kind_of(reply.why)}",
            )
        elif trial.fault == "absent" and trial.column not in reply.why:
            yield self._report(
                trial,
                f": the refusal does not name it: {reply.why}",
                reply.why,
                f"a reason that names {trial.column}",
                Severity.INFO,
                "refusals that do not name the feature",
                key=f"unnamed {trial.column}",
            )

    def _as_documented(self, trial: Attempt, way: Way) -> Answers:
        """What is documented of a fault must be what happens."""
        refused = reaction(trial.reply) in (Reaction.REFUSED, Reaction.UNDEFINED) or _refused(trial)
        if way == "refused":
            as_documented = refused
        elif refused or not trial.reply.answered:
            as_documented = way == "predicted" and refused
        else:
            as_documented = way == "predicted" or way in trial.fills
        if as_documented:
            return
        seen = (
            f"it is {' or '.join(trial.fills) or 'predicted'}"
            if trial.reply.answered
            else (trial.reply.why)
        )
        yield self._report(
            trial,
            f", which is documented as {way}; {seen}",
            seen,
            way,
            Severity.MEDIUM,
            f"{trial.fault} is documented as {way}",
        )

    def _report(
        self,
        trial: Attempt,
        text: str,
        measured: str,
        expected: str,
        severity: Severity | None,
        cause: str,
        *,
        key: str = "",
    ) -> Answer:
        return self.departs(
            _TEXT[trial.fault].format(trial.column) + text,
            measured=measured,
            expected=expected,
            key=key or f"{trial.fault} {trial.column}".strip(),
            cause=cause,
            severity=severity,
        )

    def _extra(self, subject: Subject, features: pd.DataFrame, whole: pd.DataFrame) -> Answers:
        noise = np.random.default_rng(11).normal(size=len(features)) * 1e3
        wider = features.assign(column_that_nobody_asked_for=noise)
        wider = wider[["column_that_nobody_asked_for", *features.columns]]
        reply = ask(subject.hook(PREDICT), wider, into=frame)
        yield Examined(1, "frame with a column too many")
        if reply.failure is not None and not on_purpose(reply):
            text, severity = f"makes prediction crash: {reply.why}", Severity.LOW
        elif reply.answered and (moved := differences(whole, reply.got, tolerance=1e-9)):
            text, severity = (
                f"changes predictions: {moved[0].column} {moved[0].text}",
                self.severity,
            )
        else:
            return
        yield self.departs(
            f"a column that nobody asked for {text}",
            measured=text,
            expected="the same predictions, or a refusal",
            key="extra",
            severity=severity,
        )

    def _explained(
        self,
        subject: Subject,
        features: pd.DataFrame,
        given: list[tuple[Fault, str, Reply[pd.DataFrame]]],
    ) -> list[tuple[str, tuple[str, ...]]]:
        """What is said of each answer, and the fills that give the same one; all asked at once."""
        whole = self.documented.get("all_nan") in ("zero", "median")
        explained = (*_ONE_COLUMN, "all_nan") if whole else _ONE_COLUMN
        columns = [
            column
            for fault, column, reply in given
            if fault in explained and reaction(reply) is Reaction.ANSWERED
        ]
        wanted = required(subject) if columns else []
        tables = {
            (column, name): features.assign(**values)[wanted]
            for column in dict.fromkeys(columns)
            for name, values in self._fills(features, column).items()
        }
        replies = ask_many(subject.hook(PREDICT), [(t,) for t in tables.values()], into=frame)
        filled = dict(zip(tables, replies, strict=True))
        return [self._explanation(fault, column, reply, filled) for fault, column, reply in given]

    @staticmethod
    def _fills(features: pd.DataFrame, column: str) -> dict[str, dict[str, float]]:
        """What stands in a column, or in all, by how it would have been filled."""
        chosen = [column] if column else list(map(str, features.columns))
        medians = np.nanmedian(numeric(features[chosen]), axis=0)
        return {
            **({"NaN": {column: np.nan}} if column else {}),
            "zero": dict.fromkeys(chosen, 0.0),
            "the sample median": dict(zip(chosen, medians.tolist(), strict=True)),
            "a huge number": dict.fromkeys(chosen, HUGE),
            **({"a tiny number": {column: TINY}} if column else {}),
        }

    @staticmethod
    def _explanation(
        fault: Fault,
        column: str,
        reply: Reply[pd.DataFrame],
        filled: dict[tuple[str, str], Reply[pd.DataFrame]],
    ) -> tuple[str, tuple[str, ...]]:
        if not reply.answered:
            return reply.why, ()
        is_filled = fault in (*_ONE_COLUMN, "all_nan") and any(of == column for of, _ in filled)
        if not is_filled or reaction(reply) is not Reaction.ANSWERED:
            return f"{len(reply.got)} rows", ()
        column_said = column or "every feature"
        same = [
            name
            for (of, name), one in filled.items()
            if of == column and one.answered and not differences(one.got, reply.got, tolerance=1e-9)
        ]
        if "zero" in same and column and "a tiny number" not in same:
            same[same.index("zero")] = "missing"  # as the model takes zero, and next to nothing not
        known = ("zero", "missing", "the sample median")
        fills = tuple(name.split()[-1] for name in same if name in known)
        if fault == "infinite" and "a huge number" in same:
            same = ["a huge number"]
        if same:
            return f"as if {column_said} were {same[0]}", fills
        return f"not explained by zero, NaN or the median of {column_said}", fills


def _refused(trial: Attempt) -> bool:
    """True for an exception that is as good as a refusal."""
    if trial.fault == "text" and trial.reply.why.startswith("raised TypeError"):
        return True  # what Python says of a value of the wrong type: loud, and about the input
    if trial.fault == "absent" and re.search(rf"\b{re.escape(trial.column)}\b", trial.reply.why):
        return trial.reply.why.startswith("raised ")
    return on_purpose(trial.reply)


def _native(subject: Subject, trials: list[Attempt]) -> bool:
    """True where the model handles a gap, and no function on the way of a prediction fills it.

    It does where no fill explains an answer, or where the subject loads a model that takes NaN; and
    where such a model takes zero for missing, a gap that is filled with zero stays one.
    """
    entered = units_entered(subject, PREDICT).values()
    files = {f.path: f.text for f in subject.source.files}
    hooks = ast.parse(read_words(subject.folder / subject.parameters.hooks, errors="replace"))
    takes = any(_TAKES_NAN.search(text) for text in (*files.values(), ast.unparse(hooks)))
    passed = [t for t in trials if t.fault == "nan" and reaction(t.reply) is Reaction.ANSWERED]
    if takes and any("missing" in t.fills for t in passed):
        return True
    way = [*(u.node for u in entered), *_of_hook(subject, hooks)]
    if any(n is not None and fills_gaps(n) for n in way) or any(
        "imputer" in files[u.path].lower() for u in entered
    ):
        return False
    return takes or any(not t.fills for t in passed)


def _of_hook(subject: Subject, hooks: ast.Module) -> list[ast.AST]:
    """The function of the hook, and those that it names, in the file of hooks."""
    functions = {n.name: n for n in ast.walk(hooks) if isinstance(n, ast.FunctionDef)}
    line = subject.where(PREDICT).line
    found = [n for n in functions.values() if n.lineno == line]
    for one in found:
        names = {n.id for n in ast.walk(one) if isinstance(n, ast.Name)}
        found += [f for name, f in functions.items() if name in names and f not in found]
    return [*found]


_TAKES_NAN = re.compile(
    r"^\s*(?:import|from)\s+(?:lightgbm|xgboost|catboost)\b|\bHistGradientBoosting", re.M
)
_TEXT: dict[Fault, str] = {
    "absent": "{} is absent",
    "nan": "{} is NaN",
    "infinite": "{} is infinite",
    "all_nan": "every feature is NaN",
    "text": "{} is text",
    "duplicate": "{} stands twice",
    "empty": "there is no row",
}
