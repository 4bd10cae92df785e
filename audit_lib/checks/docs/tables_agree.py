from contextlib import suppress

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Scalar, Severity
from audit_lib.probes.code.documented import AGAIN, bounds, cores, docstrings, settings, stated
from audit_lib.subject.code import code_of


class TablesStateTheSettings(Check):
    """Tables of settings in the documents state what the settings are.

    What it checks
        In Markdown files of the repository: each row of a table that names a setting and gives a
        number in a column of values, defaults, limits or thresholds, and each
        sentence that says one of a setting (`purge` is 20, a purge of twenty bars) or of what a
        limit is for (at most five contracts, a spread wider than 4 bps) or when models are made
        anew (retrained after 30 days). There and in docstrings: each number behind the words of a
        setting's name that ends at it (`wild_from`: wild from 0.16). The number is that of the
        settings file, constant or field default of that name (`max_contracts`).
    Why it matters
        A README is what the desk and risk look limits up in. It is changed by hand, after the
        code, by somebody else, or not at all.
    How
        Names are compared without case; `risk.max_drawdown` is the key under `risk`, and where
        no file has that, `max_drawdown` if all of that name agree. Settings are
        the numbers in YAML, TOML and JSON files of the repository, constants of modules and
        defaults of class fields. 5 % is 5 or 0.05, 20 bps is 20 or 0.002.
    Limitations
        Where settings of one name have several values, it is enough to be one of them. Settings
        that are told in other words (`the least probability`) are not compared; sentences of what
        was or might be are left out, and those without a name in code style weigh little. Folders
        of tests, data, results and archives, and changelogs, are left out.
    Remediation
        Correct the table, or make it from the settings when the documents are built.
    Sources
        The audit plan's docs contract.
    """

    code = "DOC004"
    severity = Severity.MEDIUM
    reads = Reads.CODE

    def run(self, subject: Subject) -> Answers:
        """Compare every row that names a setting."""
        but = [subject.hooks.file.parent]
        with suppress(NotAssessed, NotApplicable):
            but.append(subject.store)
        code = code_of(subject.source)
        in_code = settings(code, tuple(but))
        core, bound = cores(in_code), bounds(in_code)
        rows: list[tuple[Scalar, ...]] = []
        for row in (*stated(code.tree.root, tuple(but)), *docstrings(code)):
            there = in_code.get(row.name.lower(), [])
            if row.above:
                under = in_code.get(f"{row.above}.{row.name}".lower(), [])
                there = under or (there if len({value for value, _ in there}) == 1 else [])
            if row.bound:
                there = bound.get((row.bound, row.name), [])
            elif row.prose:  # a limit may bear more than the sentence says of its name
                full = cores({row.name.lower(): there}).values()
                there = core.get(row.name.lower(), []) + [v for values in full for v in values]
            if not there:
                continue
            value, place = there[0]
            rows.append((row.name, row.shown, value, place, str(row.location)))
            if not any(row.fits(value) for value, _ in there):
                yield self.finding(
                    row.location,
                    f"the text says {row.shown!r}, and {place} has {value:g}"
                    if row.prose
                    else f"the table states {row.shown} for {row.name}, and {place} has {value:g}",
                    measured=row.shown,
                    expected=f"{value:g}",
                    key=f"made anew, in {row.name}s" if row.bound == AGAIN else row.name,
                    severity=Severity.LOW if row.prose and "`" not in row.shown else None,
                    evidence=("rows",),
                )
        if not rows:
            raise NotApplicable(
                "no table or sentence of a Markdown file states a setting by its name"
            )
        heads = ("setting", "stated", "is", "where", "document")
        yield Evidence("rows", "Settings that documents state", heads, tuple(rows))
        yield Examined(len(rows), "rows of tables")
