import ast

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.leaks.fit_flow import FitFlow, FitThenSplit
from audit_lib.probes.code.leaks.suspicions import in_time, related_files, unread
from audit_lib.subject.code import code_of
from audit_lib.subject.units import MODULE


class PreprocessingIsFittedAfterTheSplit(Check):
    """No scaler, imputer, selector or decomposition is fitted before its rows are split.

    What it checks
        Nothing that learns from rows is fitted before these are split, on anything but train rows,
        within one function or across several.
    Why it matters
        What is fitted before the split has seen the test rows. Selection of features before the
        split makes noise look like signal; scaling before it carries the level of the test.
    How
        Walks the syntax trees: a call of `fit` or `fit_transform` on something named as a scaler,
        imputer, selector or decomposition, above the first call of `split` or `train_test_split`
        in the same function, whose arguments are not named as train rows. Across functions, rows
        are followed through arguments, answers and fields: what a function fits, or passes to one
        that does, and what is split afterwards, by `split`, a function that splits, or a slice that
        is called train or test.
    Limitations
        Rows that travel through a library or a container are not followed; the forensics of the
        artifacts (FEA104) see these. Names decide. No probe of the features could clear
        it, since the order of fit and split is itself the departure, so it stands on the text.
    Remediation
        Split first, fit on the train rows of each fold, apply to the others; or use a pipeline.
    Sources
        Kaufman et al. (2012), Leakage in Data Mining; Hastie, Tibshirani and Friedman (2009), The
        Elements of Statistical Learning, section 7.10.2.
    """

    code = "FEA115"
    severity = Severity.HIGH
    reads = Reads.CODE

    def run(self, subject: Subject) -> Answers:
        """Look for fits above splits."""
        files = related_files(subject)
        code = code_of(subject.source)
        flow = FitFlow(code)
        for file in files:
            weight = self.severity if in_time(subject, file) else Severity.LOW
            for unit in code.files[file.path].units if file.path in code.files else ():
                for fit in flow.fits(unit):
                    yield self._report(fit, weight)
        yield from unread(subject)
        yield Examined(len(files), "files")

    def _report(self, fit: FitThenSplit, weight: Severity) -> Answer:
        """A fit and a split, on the spot or in functions that are called."""
        fitter = f"by {fit.fitter} " if fit.fitter else ""
        splitter = f"by {fit.splitter} " if fit.splitter else ""
        where = fit.unit.name if fit.unit.name != MODULE else "the module"
        message = (
            f"{where} has the rows fitted {fitter}(line {fit.fit.lineno}) before it has them "
            f"split {splitter}(line {fit.split.lineno})"
        )
        what, key = "fitted on all rows", f"{fit.fitter} before {fit.splitter}"
        if not fitter and not splitter:
            key = ast.unparse(fit.fit.func)
            message = f"{where} fits `{key}` before it splits the rows"
            what = f"`{key}` above the split"
        return self.finding(
            Location(fit.unit.path, line=fit.fit.lineno, symbol=fit.unit.name),
            message,
            measured=what,
            expected="fitted on train rows",
            key=key,
            severity=weight,
        )
