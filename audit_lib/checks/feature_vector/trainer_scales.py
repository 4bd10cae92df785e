import numpy as np

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity
from audit_lib.probes.training.steps import HOOK, later_rows_read, trained


class PreprocessingSawNoJudgedRow(Check):
    """No scaler, imputer or selector behind a model was fitted on rows the model is judged on.

    What it checks
        For every model that the trainer fits and judges on other rows: the preprocessing between
        the table and the model's inputs was fitted on none of the judged rows. MEDIUM where these
        are only those on whose predictions a next model is fitted beside features.
    Why it matters
        A scaler fitted before the split carries level and spread of the judged period into
        training; a selector fitted before the split has already chosen what works there.
    How
        Drives the trainer once on made-up data (`retrain.train`) and follows the values from the
        table through each `transform` into each `fit`; compares the rows of the transformer's own
        fit with the judged rows. Where values cannot be followed, as after arithmetic by hand,
        trains again with much later rows altered: what a model is fitted on must not change.
    Limitations
        Follows scikit-learn's transformers and those that the hook names with `watch`. Of
        preprocessing by hand only the earliest fit is asked, and about rows far behind it; the
        numbers it records are told by FEA122.
    Remediation
        Fit every preprocessing step inside the fold, on its train rows.
    Sources
        Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, section
        7.10.2; Kapoor and Narayanan (2023), Patterns 4(9), L1.2 and L1.3.
    """

    code = "FEA121"
    severity = Severity.CRITICAL
    needs = (HOOK,)

    def run(self, subject: Subject) -> Answers:
        """Compare the rows of every transformer with the judged rows of its models."""
        training = trained(subject)
        pairs = []
        worst: dict[tuple[str, str], tuple[int, int, int]] = {}
        for judgement in training.judgements():
            for kind, rows in judgement.scaled:
                seen = len(np.intersect1d(rows, judgement.judged))
                pairs.append((kind, len(rows), judgement.kind, len(judgement.judged), seen))
                if seen:
                    key = (kind, judgement.kind)
                    outside = len(
                        np.setdiff1d(np.intersect1d(rows, judgement.judged), judgement.fed)
                    )
                    counts = (outside, seen, len(judgement.judged))
                    worst[key] = max(worst.get(key, (0, 0, 0)), counts)
        heads = ("fitted", "on rows", "for model", "judged rows", "seen of these")
        title = "What preprocessing saw of the rows its models are judged on"
        yield Evidence(
            "preprocessing", title, heads, tuple(pairs), bound=Bound("seen of these", 0, "rows")
        )
        for (kind, model), (outside, seen, judged) in worst.items():
            fed = "" if outside else ", those on whose predictions the next model is fitted"
            yield self.departs(
                f"{kind} before {model} was fitted on {seen} of the {judged} rows that the model "
                f"is judged on{fed}",
                measured=f"{seen} of {judged} judged rows",
                expected="0",
                key=f"{kind} before {model}",
                severity=None if outside else Severity.MEDIUM,
                evidence=("preprocessing",),
            )
        for kind, why in training.unknown().items():
            yield Gap(kind, why)
        for kind, later in later_rows_read(subject, training).items():
            if later:
                yield self.departs(
                    f"what {kind} is fitted on changes with rows long after its own: something "
                    "before it is computed over rows that the model is judged on",
                    measured="other numbers",
                    expected="the same numbers, whatever comes later",
                    key=f"later rows before {kind}",
                )
            elif later is None:
                yield Gap(kind, "what it was fitted on could not be traced, only its labels")
        yield Examined(
            len(pairs) or sum(1 for _ in training.judgements()), "models with what is before them"
        )
