from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity
from audit_lib.probes.training.steps import HOOK, trained


class CalibratorIsFittedOnNewRows(Check):
    """What the trainer fits on a model's predictions, it fits on rows new to that model.

    What it checks
        For every calibrator, and every further layer of a stack: none of the rows behind its
        scores is a row that the model below was fitted on.
    Why it matters
        Scores on rows that a model knows are better than any it will serve. A calibrator fitted
        on them learns a confidence that live trading never earns, and position sizes follow it.
    How
        Drives the trainer once on made-up data (`retrain.train`) and follows predictions into
        what is fitted on them. Where scores are changed on the way (a magnitude, an average of
        models), the first or last rows of one prediction are taken for theirs if they alone are
        ordered like them (rank correlation above 0.8, and 0.1 above any other rows).
    Limitations
        Sees estimators of known libraries and those that the hook names with `watch`. Scores that
        resemble no prediction, or several, are a gap.
    Remediation
        Fit the calibrator on out-of-fold scores; where rows are cut by position, sort the panel
        by date first.
    Sources
        Platt (1999), Probabilistic Outputs for Support Vector Machines, section 2.1; Wolpert
        (1992), Stacked Generalization, Neural Networks 5(2).
    """

    code = "CAL011"
    severity = Severity.HIGH
    needs = (HOOK,)

    def run(self, subject: Subject) -> Answers:
        """Compare the rows of what is fitted on predictions with those of the model below."""
        training = trained(subject)
        fits_below = list(training.downstream())
        if not fits_below:
            raise NotAssessed("nothing that the trainer fitted could be traced to predictions")
        rows = tuple((d.fit.kind, d.fit.count, d.model.kind, d.seen, d.how) for d in fits_below)
        heads = ("fitted", "on scores", "of model", "rows the model was fitted on", "told by")
        title = "What was fitted on predictions, and whether the model knew the rows"
        yield Evidence("downstream", title, heads, rows, bound=Bound(heads[3], 0, "rows"))
        seeing = sorted((case for case in fits_below if case.seen), key=lambda case: -case.seen)
        for kind in dict.fromkeys(case.fit.kind for case in seeing):
            case, *others = [c for c in seeing if c.fit.kind == kind]
            models = {c.model.kind: None for c in others if c.model.kind != case.model.kind}
            more = f"; so of {', '.join(models)}" if models else ""
            yield self.departs(
                f"{kind} was fitted on scores of {case.model.kind}, {case.seen} of "
                f"{case.fit.count} of them for rows that the model was fitted on (told by "
                f"{case.how}){more}",
                measured=f"{case.seen} of {case.fit.count} rows",
                expected="0",
                key=kind,
                evidence=("downstream",),
            )
        for kind, count in training.scores_unknown().items():
            yield Gap(kind, f"the rows behind the scores of {count} fits could not be traced")
        yield Examined(len(fits_below), "fits on predictions")
