"""FEA115."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Severity, Task
from audit_lib.probes.leak_patterns import fits_before_split
from audit_lib.probes.suspicions import related_files, unread, walk
from audit_lib.subject.subject import Subject


class PreprocessingIsFittedAfterTheSplit(Check):
    """No scaler, imputer, selector or decomposition is fitted before its rows are split.

    What it checks
        Within a function that splits its rows, nothing that learns from rows is fitted before the
        split, on anything but train rows.
    Why it matters
        What is fitted before the split has seen the test rows. Selection of features before the
        split makes noise look like signal; scaling before it carries the level of the test.
    How
        Walks the syntax trees: a call of `fit` or `fit_transform` on something named as a scaler,
        imputer, selector or decomposition, above the first call of `split` or `train_test_split`
        in the same function, whose arguments are not named as train rows.
    Limitations
        Sees one function at a time; a fit in one function and a split in another is left to the
        forensics of the artifacts (FEA104). Names decide. No probe of the features could clear
        it, since the order of fit and split is itself the departure, so it stands on the text.
    Remediation
        Split first, fit on the train rows of each fold, apply to the others; or use a pipeline.
    Sources
        Kaufman et al. (2012), Leakage in Data Mining; Hastie, Tibshirani and Friedman (2009), The
        Elements of Statistical Learning, section 7.10.2.
    """

    code = "FEA115"
    contract = Contract.FEATURE_VECTOR
    task = Task.T2
    severity = Severity.HIGH
    reads = Reads.CODE

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Look for fits above splits."""
        files = related_files(subject)
        for file in files:
            if file.tree is None:
                continue
            for node, place in walk(file.tree):
                if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                symbol = f"{place.symbol}.{node.name}".lstrip(".")
                for fit in fits_before_split(node):
                    what = ast.unparse(fit.func)
                    yield self.finding(
                        file.location(fit, symbol),
                        f"{symbol} fits `{what}` before it splits the rows",
                        measured=f"`{what}` above the split",
                        expected="fitted on train rows",
                        key=what,
                    )
        yield from unread(subject)
        yield Examined(len(files), "files")
