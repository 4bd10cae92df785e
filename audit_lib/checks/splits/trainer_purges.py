from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity
from audit_lib.probes.training.record import Judgement, Training
from audit_lib.probes.training.steps import HOOK, trained


class TrainerJudgesPurgedRows(Check):
    """What the trainer judges a model on shares no bar of a label with what it fitted it on.

    What it checks
        For every model that the trainer fits and then asks about other rows (a fold's test, the
        holdout, a validation part for early stopping or for choosing features): no fitted row's
        label reaches into the label of a judged row. A
        model is judged on more than the rows that chose its number of rounds (LOW).
    Why it matters
        A splitter can be right and unused. Purging is often done between folds and forgotten
        where the holdout begins, and it is the holdout's number that decides whether a model is
        deployed.
    How
        Drives the trainer once on made-up data (`retrain.train`). Every number there occurs once,
        so the host can tell which rows went into each fit and prediction. Fitted and judged rows
        are compared on the calendar with the measured horizon h: labels (t, t + h] and (s, s + h]
        overlap where the dates are fewer than h bars apart.
    Limitations
        Sees estimators of scikit-learn, LightGBM and XGBoost, and those that the hook names with
        `watch`. Validation rows that a library sets aside inside one `fit` are not seen. A
        prediction over most fitted rows and others at once judges nothing; where a model has no
        other, that is a gap.
    Remediation
        Leave out the last h - 1 bars before every judged period, the holdout's included.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9), L1.1 and L3.1.
    """

    code = "SPL021"
    severity = Severity.HIGH
    needs = (HOOK,)

    def run(self, subject: Subject) -> Answers:
        """Compare fitted and judged rows of every model."""
        training = trained(subject)
        judgements = list(training.judgements())
        yield training.table()
        yield _table(training, judgements)
        guilty: dict[tuple[int, str], list[tuple[Judgement, tuple[int, int, int]]]] = {}
        for judgement in judgements:
            overlap = training.overlap(judgement)
            if overlap[0]:
                guilty.setdefault((overlap[2], judgement.kind), []).append((judgement, overlap))
        for (nearest, kind), cases in guilty.items():
            fits = sum(j.kind == kind for j in judgements)
            worst, (rows, shared, _) = max(cases, key=lambda case: case[1][0])
            same = f", {shared} of them on the very dates of judged rows" if shared else ""
            yield self.departs(
                f"{len(cases)} of {fits} fits of {kind} were judged on rows whose labels overlap "
                f"those of up to {rows} fitted rows{same}; the nearest judged row is {nearest} "
                f"bar{'s' * (nearest != 1)} away ({training.known} horizon {worst.horizon})",
                measured=f"{rows} rows, {nearest} bars away",
                expected=f"at least {worst.horizon} bars away",
                key=kind,
                cause=f"a split that leaves {nearest} bars between",  # models that share it
                evidence=("judged",),
            )
        for kind in sorted({j.kind for j in judgements if j.stopped}):
            stopped = [j for j in judgements if j.kind == kind and j.stopped]
            yield self.departs(
                f"{len(stopped)} of {sum(j.kind == kind for j in judgements)} fits of {kind} were "
                f"judged on no other rows than the {len(stopped[0].judged)} that chose their "
                "number of rounds, which suit them best",
                expected="rows that chose nothing",
                key=f"{kind} stopped",
                severity=Severity.LOW,
                evidence=("judged",),
            )
        for kind, why in training.unknown().items():
            yield Gap(kind, why)
        yield Examined(len(judgements), "fits that were judged on other rows")


def _table(training: Training, judgements: list[Judgement]) -> Evidence:
    rows = []
    for judgement in judgements:
        fitted, judged = training.at[judgement.fitted], training.at[judgement.judged]
        overlapping, shared, nearest = training.overlap(judgement)
        rows.append(
            (
                judgement.kind,
                judgement.horizon,
                len(judgement.fitted),
                training.date(int(fitted.min())),
                training.date(int(fitted.max())),
                len(judgement.judged),
                training.date(int(judged.min())),
                training.date(int(judged.max())),
                nearest,
                overlapping,
                shared,
            )
        )
    heads = (
        "model", "horizon", "fitted rows", "from", "to", "judged rows", "judged from", "judged to",
        "bars between", "overlapping rows", "of these same date",
    )  # fmt: skip
    note = f"{training.known} horizons in bars; at least as many must lie between"
    title = "What each model was fitted and judged on"
    bound = Bound("bars between", "horizon", "bars", least=True)
    return Evidence("judged", title, heads, tuple(rows), note=note, bound=bound)
