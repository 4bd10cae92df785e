"""Results to text: console, JSON, SARIF, JUnit, CSV, workflow commands.  Results in, text out.

Every reporter takes any number of reports (one a version) and answers one document::

    REPORTERS["sarif"](Report(subject, version, "gate train", results))
"""

from collections.abc import Callable

from audit_lib.reporters.console import to_console
from audit_lib.reporters.csv_report import to_csv
from audit_lib.reporters.github import to_github
from audit_lib.reporters.json_report import to_json
from audit_lib.reporters.junit import to_junit
from audit_lib.reporters.report import Report, report_of
from audit_lib.reporters.sarif import everything_to_sarif, to_sarif

__all__ = ["REPORTERS", "Report", "Reporter", "report_of"]

#: takes reports, one a version, and answers a document with its last line break
Reporter = Callable[..., str]
#: name for ``--format`` -> reporter; :mod:`.foreign` knows those from elsewhere
REPORTERS: dict[str, Reporter] = {
    "console": to_console,
    "json": to_json,
    "sarif": to_sarif,
    "sarif-full": everything_to_sarif,
    "junit": to_junit,
    "csv": to_csv,
    "github": to_github,
}
