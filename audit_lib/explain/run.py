"""Explain one version, or take what was found before; kept by content."""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from audit_lib.engine import run_check
from audit_lib.errors import AuditError, NotApplicable, NotAssessed
from audit_lib.explain import learned
from audit_lib.explain.attribution import Setting
from audit_lib.explain.between import Between, between
from audit_lib.explain.looking import ORDERS, WINNERS, Progress, look
from audit_lib.explain.records import Summary, as_json
from audit_lib.explain.verdicts import CHECKS, Observations
from audit_lib.explain.words import rules_page
from audit_lib.files import read_whole, write_whole
from audit_lib.memory import cache_folder, library_digest, own_places
from audit_lib.model import CheckResult
from audit_lib.subject.digest import subject_held
from audit_lib.subject.subject import Subject

SUMMARY, BETWEEN = "summary.json", "between.json"


@dataclass(frozen=True)
class Explained:
    """What was found out about one version.

    Attributes:
        summary: in a few figures.
        files: name below ``learned_conditions/`` to content.
        results: what the checks of this room answered.
    """

    summary: Summary
    files: dict[str, bytes]
    results: tuple[CheckResult, ...]

    def write(self, folder: Path) -> list[Path]:
        """Write the files below a folder; those written."""
        for name, content in self.files.items():
            write_whole(folder / learned.FOLDER / name, content)
        return [folder / learned.FOLDER / name for name in self.files]


def explain(
    subject: Subject, setting: Setting | None = None, *, progress: Progress = lambda _: None
) -> Explained:
    """Explain the version that a subject is bound to, or take what was found before.

    Args:
        progress: called with what is being done.

    Raises:
        NotAssessed: there is no predictor, or nothing to explain.
        NotApplicable: the subject declares that it has no predictor.
    """
    chosen = setting or Setting()
    place = _place(subject, chosen)
    cached = _recalled(place)
    if cached is not None:
        return cached
    seen, lacking = look(subject, chosen, progress)
    progress("judging")
    results = tuple(run_check(check(seen=seen), subject) for check in CHECKS)
    explained = _filed(subject, seen, results, lacking, chosen)
    if place is not None and _place(subject, chosen) == place:
        with suppress(OSError):
            for name, content in explained.files.items():
                write_whole(place / name, content)
    return explained


def champion_before(subject: Subject) -> str | None:
    """The champion that a version would displace: where it is another, and registered before it."""
    try:
        champion, versions = subject.registry.champion, subject.versions()
    except (NotAssessed, NotApplicable):
        return None
    if champion is None or champion == subject.version or champion not in versions:
        return None
    return champion if versions.index(champion) < versions.index(subject.version) else None


def explain_against_champion(
    subject: Subject, setting: Setting | None = None, *, progress: Progress = lambda _: None
) -> tuple[Explained, Between | None]:
    """Explain a version; of a candidate, also what changed since the champion.

    ``between.json`` is among its files then.

    Raises:
        NotAssessed, NotApplicable: as :func:`explain`, of the version itself.
    """
    explained = explain(subject, setting, progress=progress)
    champion = champion_before(subject)
    if champion is None:
        return explained, None
    try:
        other = explain(subject.at(champion), setting, progress=progress)
    except (NotAssessed, NotApplicable, AuditError):
        return explained, None
    changes = between(other.summary, explained.summary)
    return replace(explained, files={**explained.files, BETWEEN: as_json(changes)}), changes


def _filed(
    subject: Subject,
    seen: Observations,
    results: tuple[CheckResult, ...],
    lacking: dict[str, str],
    setting: Setting,
) -> Explained:
    names = [h.name for h in seen.heads]
    inputs = learned.inputs_record(subject, seen.sample, names, seen.together, setting.seed)
    rules = [learned.rules_record(subject, one) for one in seen.learned]
    heads = [learned.head_record(h, seen.columns, seen.lines.get(h.name, ())) for h in seen.heads]
    summary = Summary(
        subject=subject.name,
        version=subject.version,
        sha256=inputs.sha256,
        rows=len(seen.sample),
        of=seen.sample.of,
        heads=tuple(heads),
        learned=tuple(rules),
        together=seen.together,
        not_assessed=lacking,
        results=TypeAdapter(tuple[CheckResult, ...]).dump_python(results, mode="json"),
    )
    files = {"inputs_schema.json": as_json(inputs)}
    for name, content in seen.tables.items():
        plain = name in (ORDERS, WINNERS)
        files[name if plain else learned.file_name("attribution", name, "csv")] = content
    for one in rules:
        files[learned.file_name("rules", one.head, "json")] = as_json(one)
    files["rules.md"] = rules_page(rules, seen.together, lacking).encode()
    files[SUMMARY] = as_json(summary)
    return Explained(summary, files, results)


def _place(subject: Subject, setting: Setting) -> Path | None:
    """Where answers about these very files are kept; None where they cannot be."""
    folder = cache_folder(subject)
    if folder is None:
        return None
    content = subject_held(subject, but=own_places(subject, folder)).whole
    if not content:
        return None
    parts = [subject.version, content, library_digest(), repr(setting)]
    return folder / "explained" / hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _recalled(place: Path | None) -> Explained | None:
    if place is None:
        return None
    try:
        summary = Summary.model_validate_json(read_whole(place / SUMMARY))
        results = TypeAdapter(tuple[CheckResult, ...]).validate_python(summary.results)
        files = {f.name: read_whole(f) for f in sorted(place.iterdir())}
    except (OSError, ValueError, ValidationError):
        return None
    return Explained(summary, files, results)
