"""Commands that only read: list, explain."""

import contextlib
import inspect
import json
import re
from pathlib import Path
from typing import is_typeddict

import click
from rich.markdown import Markdown

from audit_lib.checks.base import SECTIONS, Check
from audit_lib.checks.catalogue import also_asked, askers
from audit_lib.cli.completion import codes, subjects
from audit_lib.cli.options import json_option, opened, root_option, workspace_option
from audit_lib.cli.output import echo
from audit_lib.cli.tables import print_table
from audit_lib.errors import AuditError
from audit_lib.files import read_words
from audit_lib.gates import gates_of
from audit_lib.hooks import HOOKS, with_variant, without_variant
from audit_lib.plugins import own_files
from audit_lib.reporters.screen import Screen
from audit_lib.selection import roster_of
from audit_lib.subject.subject import Subject, known_subjects, open_subject
from audit_lib.workspace import find_workspace


@click.command("list")
@click.argument("subject", required=False, shell_complete=subjects)
@click.option("--checks", "what", flag_value="checks", help="List the checks, SUBJECT's own too.")
@click.option("--gates", "what", flag_value="gates", help="List the gates, SUBJECT's own too.")
@click.option("--hooks", "what", flag_value="hooks", help="List SUBJECT's hooks, written or not.")
@root_option
@workspace_option
@json_option
def list_(
    subject: str | None,
    what: str | None,
    root: Path | None,
    workspace: Path | None,
    output_format: str,
) -> None:
    """List subjects; or the versions of SUBJECT; or checks, gates, hooks."""
    if what in ("checks", "gates"):
        chosen = opened(subject, workspace=workspace, root=root)[0] if subject else None
        if what == "checks":
            roster = roster_of(chosen)
            rows = [_check_row(roster.get(code)) for code in roster.codes]
        else:
            gates = gates_of(chosen).values()
            rows = [
                {"gate": g.name, "before": g.before, "checks": " ".join(g.codes)} for g in gates
            ]
    elif subject is None:
        if what == "hooks":
            raise click.UsageError("--hooks needs a SUBJECT")
        rows = [_subject_row(name, workspace) for name in known_subjects(find_workspace(workspace))]
    else:
        audited, _ = opened(subject, workspace=workspace, root=root)
        rows = _hook_rows(audited) if what == "hooks" else _version_rows(audited)
    if output_format == "json":
        echo(json.dumps(rows, indent=2))
    else:
        print_table(rows)


@click.command()
@click.argument("code", shell_complete=codes)
@click.argument("subject", required=False, shell_complete=subjects)
@root_option
@workspace_option
def explain(code: str, subject: str | None, root: Path | None, workspace: Path | None) -> None:
    """Say what a check does, why it matters, and how to mend what it finds.

    CODE is that of a check (SPL001), of a finding (SPL001-2), or the name of a hook
    (drift.psi) or of a surface (drift).  Checks of SUBJECT's own are found where it is named.
    """
    console = Screen()
    hook = without_variant(code)[0]
    if meant := [h for h in HOOKS if hook in (h, h.partition(".")[0])]:
        console.print(Markdown("\n\n".join(map(_hook_text, meant))))
        return
    wanted = code.upper().split("-")[0]
    if wanted.startswith(("EXP", "TRC")):
        from audit_lib.explain import trace_checks, verdicts  # slow to import

        for own in (*verdicts.CHECKS, *trace_checks.CHECKS):
            if own.code == wanted:
                console.print(Markdown(_check_text(own)))
                return
    owner = opened(subject, workspace=workspace, root=root)[0] if subject else None
    try:
        check = roster_of(owner).get(wanted)
    except AuditError:
        owner_name = None if subject else _owner(wanted, workspace)
        if owner_name is None:
            raise
        raise AuditError(
            f"{wanted} is a check of {owner_name}'s own",
            where="check code",
            mend=f"`workbook explain {wanted} {owner_name}`",
        ) from None
    console.print(Markdown(_check_text(check)))


def _owner(code: str, workspace: Path | None) -> str | None:
    """A subject of which some own check spells that code; its files are read, never run."""
    with contextlib.suppress(AuditError, OSError):
        place = find_workspace(workspace)
        for name in known_subjects(place):
            for file in own_files(place / "parameters" / name, "checks"):
                if f'"{code}"' in read_words(file, errors="replace"):
                    return name
    return None


def _check_text(check: type[Check]) -> str:
    hooks_of = {"needs": check.needs, "may ask": also_asked(check)}
    hooks = "".join(f" · {how} {', '.join(names)}" for how, names in hooks_of.items() if names)
    lines = [
        f"# {check.code} {check.__name__}",
        f"**{check.title()}**",
        f"contract {check.contract.value} · task {check.task.value} · "
        f"severity {check.severity.label} · reads {check.reads.value}{hooks}",
        *([f"Not of the workbook: it comes from {check.origin}."] if check.origin else []),
    ]
    sections = check.sections()
    for head in SECTIONS:
        lines += [f"## {head}", sections.get(head, "")]
    if check.model_fields:
        lines.append("## Options")
        lines += [
            f"- `{name}` = `{field.default!r}`: {field.description or ''}"
            for name, field in check.model_fields.items()
        ]
        lines.append(f"Set them under `options.{check.code}` in `subject.yaml`.")
    return "\n\n".join(lines)


def _hook_text(name: str) -> str:
    from audit_lib import hooks

    needed, also = askers(name)
    form = hooks.signature(name)
    named = (vars(hooks).get(word) for word in re.findall(r"\b[A-Z]\w+", form))
    tables = [inspect.getsource(t) for t in named if isinstance(t, type) and is_typeddict(t)]
    keys = "".join(f"\n\n\n{table}" for table in tables)
    more = (inspect.getdoc(HOOKS[name]) or "").partition("\n\n")[2]
    return (
        f"# {name}\n\n{hooks.purpose(name)}\n\n{more}\n\n```python\n{form}{keys}\n```\n\n"
        f"Needed by {', '.join(needed) or 'no check alone'}."
        + (f" Also asked by {', '.join(also)}." if also else "")
    )


def _check_row(check: type[Check]) -> dict[str, str]:
    return {
        "code": check.code,
        "task": check.task.value,
        "contract": check.contract.value,
        "severity": check.severity.label,
        "reads": check.reads.value,
        "from": check.origin or "the workbook",
        "property": check.title(),
    }


def _subject_row(name: str, workspace: Path | None) -> dict[str, str]:
    place = find_workspace(workspace)
    try:
        subject = open_subject(name, workspace=place)
        ids = subject.versions()
        versions = ", ".join(ids) or f"none: {subject.why_no_versions()}"
        return {"subject": name, "title": subject.parameters.title, "versions": versions}
    except AuditError as error:
        return {"subject": name, "title": "", "versions": f"? {error.message}"}


def _version_rows(subject: Subject) -> list[dict[str, str]]:
    roles = subject.roles()
    return [{"version": v, "role": roles.get(v, "")} for v in subject.versions()]


def _hook_rows(subject: Subject) -> list[dict[str, str]]:
    rows = []
    for hook in HOOKS:
        for variant in subject.hooks.variants(hook) or ("",):
            name = with_variant(hook, variant)
            absent = subject.parameters.why_absent(hook, variant)
            written = str(subject.hooks.location(name)) if name in subject.hooks else "not written"
            rows.append(
                {"hook": name, "state": f"declared absent: {absent}" if absent else written}
            )
    return rows
