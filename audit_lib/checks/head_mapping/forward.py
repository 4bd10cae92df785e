import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.prediction.heads import HeadKind, declared_heads
from audit_lib.probes.questions.asking import ask, frame
from audit_lib.probes.questions.frames import differences
from audit_lib.probes.questions.samples import few, inputs, numeric, predictions, spread

SEEDS = (1, 2)
"""of the hashes of text in further processes"""
CODES = 12
"""values of a column up to which it holds codes"""


class OutputsKeepTheirContract(Check):
    """Every head answers one finite number a row, in the domain of its kind, the same each time.

    What it checks
        For complete rows: as many predictions as rows, under the same labels; no NaN or infinity;
        probabilities between 0 and 1; volatilities above zero; the same bits when asked again, also
        in one process after other rows, the same answers in another process; and still in the
        domain for features ten times as large.
    Why it matters
        A raw margin served as a probability sizes positions by a number between minus and plus
        infinity; a volatility of zero divides by zero.
    How
        Drives `predictor.predict` on complete sample rows and on stretched ones, and in two more
        processes in which text hashes otherwise, as it does after every restart: columns that are
        kept in a set change places there. Columns of few values are codes, and are not stretched.
        The kind of a head is what the checkpoint, or the declared label, says.
    Limitations
        A head whose kind nobody declares is held to be finite only, and reported as a gap.
    Remediation
        Apply the link function of each head where it is loaded, and record its kind beside it.
    Sources
        Breck et al. (2017), The ML Test Score, section II (model specification tests).
    """

    code = "HED002"
    severity = Severity.HIGH
    needs = ("predictor.predict", "predictor.required")
    cites = ("range",)

    def run(self, subject: Subject) -> Answers:
        """Predict the sample, again, and stretched; judge each head."""
        features, got = inputs(subject), predictions(subject)
        if not got.index.equals(features.index):
            text = f"{len(features)} rows go in and {len(got)} come out"
            if len(features) == len(got):
                text = "rows come back under other labels"
            yield self.departs(text, expected="the index of the features", key="index", evidence=())
        kinds = self._kinds(subject, got)
        yield Examined(got.size, "predictions")
        yield Evidence("range", "Range of each head", *self._ranges(got, kinds))
        unknown = [
            str(c) for c in got.columns if kinds.get(str(c), HeadKind.UNKNOWN) is HeadKind.UNKNOWN
        ]
        if unknown:
            yield Gap(f"domain of {', '.join(unknown)}", "no kind is declared for it")
        yield from self._domain(subject, got, kinds, "")
        stretched = ask(subject.hook("predictor.predict"), stretch(few(subject, 200)), into=frame)
        if stretched.answered:
            yield Examined(stretched.got.size, "predictions of stretched features")
            yield from self._domain(
                subject, stretched.got, kinds, " for features ten times as large"
            )
        elif stretched.failure is not None:
            yield Gap("features ten times as large", stretched.why)
        yield from self._again(subject, features, got)
        yield from self._elsewhere(subject, features)

    def _again(self, subject: Subject, features: pd.DataFrame, got: pd.DataFrame) -> Answers:
        """In a process of its own, and twice in one, with as many other rows in between."""
        hook, rows = subject.hook("predictor.predict"), spread(features, 50)
        again = ask(hook, features, into=frame)
        lone = [(features.iloc[[i]], features.iloc[[j]]) for i, j in _far_apart(got)]
        faults = {}
        if again.answered and not again.got.equals(got):
            faults["repeat"] = "the same features get other predictions when asked again"
        failed = ""
        for one, between in [(rows, rows.iloc[::-1]), *lone]:
            if faults:
                break
            turns = ask(hook.in_turn(), one, between, into=_three)
            if turns.failure is not None:
                failed = failed or turns.why
            if not turns.answered or rows.index.has_duplicates:
                continue
            first, other, last = turns.got
            if not last.equals(first):
                faults["turn"] = (
                    "the same features get other predictions when asked again in one process"
                    + (", once another row was asked about alone" if len(one) == 1 else "")
                )
            elif len(one) == 1:
                continue
            elif moved := differences(first, other, tolerance=1e-9):
                faults["turn"] = (
                    "rows get other predictions once others were asked about in the same process: "
                    f"{moved[0].column} {moved[0].text}"
                )
        if failed and not faults:
            yield Gap("again in one process", failed)
        for key, text in faults.items():
            yield self.departs(
                text,
                measured="other predictions",
                expected="the same bits",
                key=key,
                cause="an answer changes the next",
            )

    def _elsewhere(self, subject: Subject, features: pd.DataFrame) -> Answers:
        rows = spread(features, 50)
        # The same rows here: what a batch does to its rows is not what a process does to them.
        here = ask(subject.hook("predictor.predict"), rows, into=frame)
        if not here.answered or here.got.index.has_duplicates:
            return
        others = [subject.elsewhere(seed) for seed in SEEDS]
        for other in others:
            other.prepare()
        for other in others:
            hook = other.hook("predictor.predict")
            there = ask(hook, rows, into=frame)
            if not there.answered:
                yield Gap("another process", there.why)
                return
            if moved := differences(here.got, there.got, tolerance=1e-9):
                yield self.departs(
                    "another process, in which text hashes otherwise, predicts otherwise: "
                    f"{moved[0].column} {moved[0].text}",
                    measured=moved[0].text,
                    expected="the same predictions after a restart",
                    key="process",
                )
                return
        yield Examined(len(SEEDS), "processes")

    def _domain(
        self, subject: Subject, got: pd.DataFrame, kinds: dict[str, HeadKind], when: str
    ) -> Answers:
        for name in got.columns:
            values = numeric(got[[name]]).reshape(-1)
            kind = kinds.get(str(name), HeadKind.UNKNOWN)
            wrongs = self._wrong(kind, values) | _beyond(subject, str(name), values)
            for text, wrong in wrongs.items():
                if wrong.any():
                    at = int(np.flatnonzero(wrong)[0])
                    yield self.departs(
                        f"head {name} is {text} in {int(wrong.sum())} of {len(values)} rows{when}, "
                        f"first {values[at]:.6g}",
                        measured=float(values[at]),
                        expected=_DOMAIN[kind],
                        key=f"{name} {text}{when}",
                    )

    @staticmethod
    def _wrong(kind: HeadKind, values: Floats) -> dict[str, Flags]:
        finite = np.isfinite(values)
        wrong = {"not finite": ~finite}
        if kind is HeadKind.PROBABILITY:
            wrong["outside 0 to 1"] = finite & ((values < 0) | (values > 1))
        if kind is HeadKind.POSITIVE:
            wrong["not above zero"] = finite & (values <= 0)
        return wrong

    @staticmethod
    def _kinds(subject: Subject, got: pd.DataFrame) -> dict[str, HeadKind]:
        """Kind of each head; classes that are whole numbers are held to no range."""
        try:
            heads = declared_heads(subject)
        except NotAssessed:
            return {}
        codes = {h.name for h in heads if h.classes and h.name in got and _whole(got[h.name])}
        return {h.name: HeadKind.REAL if h.name in codes else h.kind for h in heads}

    @staticmethod
    def _ranges(
        got: pd.DataFrame, kinds: dict[str, HeadKind]
    ) -> tuple[tuple[str, ...], tuple[tuple[str, str, float, float, float, float], ...]]:
        rows = []
        for name in got.columns:
            values = numeric(got[[name]]).reshape(-1)
            finite = values[np.isfinite(values)]
            low, middle, high = (
                (float(v) for v in np.quantile(finite, (0, 0.5, 1))) if finite.size else (0.0,) * 3
            )
            kind = kinds.get(str(name), HeadKind.UNKNOWN).value
            rows.append((str(name), kind, low, middle, high, float(len(finite) / len(values))))
        return ("head", "kind", "least", "median", "largest", "finite share"), tuple(rows)


def _far_apart(got: pd.DataFrame) -> list[tuple[int, int]]:
    """Rows whose predictions are the least and the largest of a head; of two heads at most."""
    values = numeric(got)
    varying = [c for c in values.T if len(c) and np.isfinite(c).all() and c.min() < c.max()]
    return list(dict.fromkeys((int(c.argmin()), int(c.argmax())) for c in varying))[:2]


def _three(raw: object) -> list[pd.DataFrame]:
    if not isinstance(raw, (list, tuple)) or len(raw) != 3:
        raise ValueError("wanted three tables")
    return [frame(table) for table in raw]


def _beyond(subject: Subject, name: str, values: Floats) -> dict[str, Flags]:
    """Where a head leaves the range that the parameters declare for it."""
    facts = subject.parameters.heads.get(name)
    beyond: dict[str, Flags] = {}
    if facts and facts.least is not None:
        beyond[f"below its declared {facts.least:g}"] = values < facts.least
    if facts and facts.most is not None:
        beyond[f"above its declared {facts.most:g}"] = values > facts.most
    return beyond


def stretch(features: pd.DataFrame) -> pd.DataFrame:
    """Features ten times as large; codes of categories, which ten times over mean nothing, stay."""
    codes = [c for c in features if features[c].nunique() <= CODES or _whole(features[c])]
    return pd.DataFrame({c: features[c] * (1 if c in codes else 10) for c in features})


def _whole(column: pd.Series) -> bool:
    """Few whole numbers: regimes, weekdays, hours, months, sectors."""
    return bool((column % 1 == 0).all() and column.nunique() <= 0.2 * len(column))


_DOMAIN = {
    HeadKind.PROBABILITY: "between 0 and 1",
    HeadKind.POSITIVE: "above zero",
    HeadKind.REAL: "finite",
    HeadKind.UNKNOWN: "finite",
}
