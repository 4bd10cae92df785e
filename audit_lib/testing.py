"""Helpers for pytest: audit a subject inside its own CI.

In a subject's repository::

    import pytest
    from audit_lib.testing import audited, parametrize_with_checks

    @pytest.fixture(scope="session")
    def subject():
        with audited("parameters/my_engine", version="latest") as found:
            yield found

    @parametrize_with_checks(tasks="T2,T3")
    def test_contract(check, subject):
        check(subject)

Each check becomes one test, named by its code.  Waivers of ``exemptions.toml`` count as they do in
gates.  What could not be assessed is skipped with the reason, never passed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

try:
    import pytest
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "audit_lib.testing needs pytest, which is not installed\n"
        "  mend: pip install 'model-audit-workbook[pytest]'",
        name=missing.name,
    ) from None

from audit_lib.checks.base import Check
from audit_lib.checks.catalogue import all_checks
from audit_lib.engine import run_check as _run
from audit_lib.exemptions import apply, load_exemptions
from audit_lib.model import CheckResult, Finding, Outcome, Task, effective_outcome
from audit_lib.selection import check_parameters, configured, rated, roster_of, selected
from audit_lib.subject.subject import Subject, open_subject


@contextmanager
def audited(
    folder: str | Path, *, version: str = "latest", root: str | Path | None = None
) -> Iterator[Subject]:
    """The subject whose parameters are in ``folder``, bound to one version.

    Raises:
        ParameterError, VersionError: as ``workbook run`` would say it.
    """
    place = Path(folder).resolve()
    subject = open_subject(
        f"{place}/", workspace=place.parent.parent, root=Path(root) if root else None
    )
    try:
        check_parameters(subject)
        load_exemptions(subject.folder)
        yield subject.at(subject.select(version)[0])
    finally:
        subject.close()


def run_check(code: str, subject: Subject) -> CheckResult:
    """Run the check of that code, with the subject's options; no waiver is looked at."""
    roster = roster_of(subject)
    check = roster.get(code)
    left_out = selected(subject, roster).result(check)
    return left_out or rated(_run(configured(check, subject), subject), subject)


def waived(result: CheckResult, subject: Subject, *, today: date | None = None) -> CheckResult:
    """The same answer with the subject's waivers applied, as a gate applies them."""
    waivers = load_exemptions(subject.folder)
    day = today or datetime.now(UTC).date()
    return apply([result], waivers, version=subject.version, today=day).results[0]


def assert_fails(result: CheckResult, **expected: object) -> Finding:
    """The one finding whose attributes equal ``expected``; asserts that the check failed.

    ``path``, ``pointer``, ``symbol`` and ``line`` are looked up in the location; ``hook`` is
    the hook through which a behaviour was seen.
    """
    assert result.outcome is Outcome.FAIL, f"{result.code}: {result.outcome} {result.reason}"
    fitting = [f for f in result.findings if _fits(f, expected)]
    shown = "\n".join(f"{f.location} key={f.key!r} {f.message}" for f in result.findings)
    assert len(fitting) == 1, f"{len(fitting)} findings fit {expected}; there are:\n{shown}"
    return fitting[0]


def _fits(finding: Finding, expected: dict[str, object]) -> bool:
    return all(_attribute(finding, name) == value for name, value in expected.items())


def _attribute(finding: Finding, name: str) -> object:
    if name == "hook":
        return finding.anchor.symbol
    in_location = name in {"path", "pointer", "symbol", "line", "base"}
    return getattr(finding.location if in_location else finding, name)


def assert_passes(result: CheckResult) -> None:
    """Assert that the check passed and looked at something."""
    shown = "\n".join(f"{f.location} {f.message}" for f in result.findings)
    assert result.outcome is Outcome.PASS, f"{result.outcome} {result.reason}\n{shown}"
    assert sum(e.count for e in result.examined) > 0


def parametrize_with_checks(
    tasks: str = "", codes: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Parametrise a test over the catalogue, as scikit-learn does for its estimator checks.

    Args:
        tasks: such as ``"T2,T3"``; '' for all.
        codes: such as ``"SPL001,INT001"``; '' for all.
    """
    wanted_tasks = {Task(t.strip()) for t in tasks.split(",") if t.strip()}
    wanted_codes = {c.strip() for c in codes.split(",") if c.strip()}
    chosen = [
        check
        for check in all_checks()
        if (not wanted_tasks or check.task in wanted_tasks)
        and (not wanted_codes or check.code in wanted_codes)
    ]
    return pytest.mark.parametrize(
        "check", [_Asserting(c) for c in chosen], ids=[c.code for c in chosen]
    )


class _Asserting:
    def __init__(self, check: type[Check]) -> None:
        self.check = check

    def __call__(self, subject: Subject) -> None:
        result = waived(run_check(self.check.code, subject), subject)
        outcome = effective_outcome(result)
        if outcome in (Outcome.NOT_ASSESSED, Outcome.NOT_APPLICABLE):
            pytest.skip(f"{outcome}: {result.reason or _gaps(result)}")
        shown = "\n".join(f"{f.location}  {f.message}" for f in result.open_findings)
        ended = "".join(
            f"\nthe waiver of {w.owner} ended on {w.expires}: {w.reason}" for w in result.lapsed
        )
        assert outcome is Outcome.PASS, f"{result.code} {outcome}\n{shown or result.reason}{ended}"


def _gaps(result: CheckResult) -> str:
    return "; ".join(f"{g.what}: {g.why}" for g in result.gaps)
