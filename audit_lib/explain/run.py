"""Explain one version: rows, attribution, rules, verdicts, files; kept by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from audit_lib.engine import run_check
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain import learned
from audit_lib.explain.answers import Answers, decisions_of, heads_of
from audit_lib.explain.attribution import Attributed, Setting, attribute
from audit_lib.explain.importance import groups
from audit_lib.explain.records import Summary, as_json
from audit_lib.explain.rows import Rows, inputs_of
from audit_lib.explain.rules import Learned, learn, split_in_time
from audit_lib.explain.verdicts import CHECKS, Seen
from audit_lib.explain.words import rules_page
from audit_lib.files import write_whole
from audit_lib.host import HookError
from audit_lib.memory import cache_folder, library_digest, own_places
from audit_lib.model import CheckResult
from audit_lib.probes.heads import declared_targets
from audit_lib.subject.digest import subject_digest
from audit_lib.subject.subject import Subject

Floats = npt.NDArray[np.float64]
DECISIONS = ("decisions.backtest", "decisions.live")
#: bars between the rows that rules are learned on and those they are judged on, at least
PURGE = 20
SUMMARY = "summary.json"
Told = Callable[[str], None]


@dataclass(frozen=True)
class Explained:
    """What was found out about one version.

    Attributes:
        summary: in a few figures.
        files: name below ``learned_conditions/`` to content.
        results: what the checks of this room answered.
        kept: True where it was kept from before, since nothing has changed.
    """

    summary: Summary
    files: dict[str, bytes]
    results: tuple[CheckResult, ...]
    kept: bool = False

    def write(self, folder: Path) -> list[Path]:
        """Write the files below a folder; those written."""
        for name, content in self.files.items():
            write_whole(folder / learned.FOLDER / name, content)
        return [folder / learned.FOLDER / name for name in self.files]


def explain(
    subject: Subject, setting: Setting | None = None, *, told: Told = lambda _: None
) -> Explained:
    """Explain the version that a subject is bound to, or take what was found before.

    Args:
        setting: how much is asked.
        told: told what is being done.

    Raises:
        NotAssessed: there is no predictor, or nothing to explain.
        NotApplicable: the subject declares that it has no predictor.
    """
    asked = setting or Setting()
    place = _place(subject, asked)
    found = _recalled(place)
    if found is not None:
        return found
    seen, lacking = look(subject, asked, told)
    told("judging")
    results = tuple(run_check(check(seen=seen), subject) for check in CHECKS)
    made = _filed(subject, seen, results, lacking, asked)
    if place is not None and _place(subject, asked) == place:
        with suppress(OSError):
            for name, content in made.files.items():
                write_whole(place / name, content)
    return made


def look(
    subject: Subject, setting: Setting, told: Told = lambda _: None
) -> tuple[Seen, dict[str, str]]:
    """Drive the hooks: what was seen, and what could not be told, with the reason.

    Raises:
        NotAssessed, NotApplicable: as :func:`explain`.
    """
    told("asking for rows")
    rows, rng = inputs_of(subject), np.random.default_rng(setting.seed)
    lacking: dict[str, str] = {}
    asked: dict[str, Answers] = {}
    heads = heads_of(subject.hook("predictor.predict"), rows, rng)
    asked["predictor.predict"] = heads
    try:
        hook = next((h for h in DECISIONS if subject.has(h)), DECISIONS[0])
        asked[hook] = decisions_of(subject.hook(hook), rows, rng)
    except (NotAssessed, NotApplicable) as error:
        lacking["decision"] = str(error)
    whole = not all(a.together for a in asked.values())
    sample = rows.drawn(setting.rows, rng, whole_dates=whole)
    found: list[Attributed] = []
    hooks: dict[str, str] = {}
    for name, answers in asked.items():
        told(f"attributing the answers of {name}")
        try:
            made = attribute(answers, sample, setting, subject=subject)
        except (NotAssessed, HookError) as error:
            lacking[name] = str(error)
            continue
        found += made
        hooks |= {a.name: name for a in made}
    if not found:
        raise NotAssessed("; ".join(f"{k}: {v}" for k, v in lacking.items()))
    lacking |= _silences(sample)
    told("learning rules")
    together = groups(sample.table)
    wide = rows.drawn(setting.surrogate_rows, rng, whole_dates=True)
    answered = _answered(asked, wide, lacking)
    conditions = tuple(_rules(subject, wide, answered, together, setting, told))
    return Seen(wide, answered, sample, tuple(found), conditions, tuple(together), hooks), lacking


def _answered(asked: dict[str, Answers], rows: Rows, lacking: dict[str, str]) -> dict[str, Floats]:
    """What every head and the decision answer to the rows that rules are learned on."""
    found: dict[str, Floats] = {}
    for name, answers in asked.items():
        try:
            got = answers.one(rows.table)
        except (NotAssessed, HookError) as error:
            lacking[f"rules of {name}"] = str(error)
            continue
        found |= {head: got[:, i] for i, head in enumerate(answers.names)}
    side = found.get("decision")
    if side is not None and "position" in found:
        if len(np.unique(side[np.isfinite(side)])) > 2:
            found["enter"] = np.where(np.isnan(side), np.nan, (side != 0).astype(float))
        held = np.abs(found.pop("position"))
        found["size"] = np.where(side != 0, held, np.nan)
        leaves = _exits(side, rows)
        if leaves is None:
            lacking["exit"] = "rows have no dates and assets, so that nothing follows anything"
        else:
            found["exit"] = leaves
    return found


def _exits(side: Floats, rows: Rows) -> Floats | None:
    """1 where an asset's side differs from that of its row before, which was a position; else 0."""
    if rows.dates is None or rows.assets is None:
        return None
    order = np.lexsort((rows.dates, rows.assets))
    before = np.full(len(side), np.nan)
    same = rows.assets[order][1:] == rows.assets[order][:-1]
    before[order[1:][same]] = side[order[:-1][same]]
    held = np.isfinite(before) & (before != 0) & np.isfinite(side)
    return np.where(held, (side != before).astype(float), np.nan)


def _rules(
    subject: Subject,
    rows: Rows,
    answered: dict[str, Floats],
    together: list[tuple[str, ...]],
    setting: Setting,
    told: Told,
) -> Iterator[Learned]:
    split = split_in_time(rows, purge_of(subject))
    group = {name: members[0] for members in together for name in members}
    for name, values in answered.items():
        told(f"learning rules of {name}")
        yield learn(name, values, rows, split, seed=setting.seed, group=group)


def purge_of(subject: Subject) -> int:
    """Bars that no row of the earlier part may share with a label of the later one."""
    declared = [t.get("horizon") for t in declared_targets(subject).values()]
    return max([PURGE, *(h for h in declared if isinstance(h, int))])


def _silences(sample: Rows) -> dict[str, str]:
    found = {}
    if sample.regimes is None:
        found["regimes"] = "no row says which regime it is in (regimes of explain.inputs)"
    if sample.dates is None:
        found["periods"] = "rows have no dates (dates of explain.inputs, or a level of the index)"
    text = [str(c) for c in sample.table.columns if str(c) not in sample.numeric]
    if text:
        found["rules over text"] = f"{', '.join(text[:5])}: rules are made of numbers alone"
    return found


def _filed(
    subject: Subject,
    seen: Seen,
    results: tuple[CheckResult, ...],
    lacking: dict[str, str],
    setting: Setting,
) -> Explained:
    names = [h.name for h in seen.heads]
    inputs = learned.inputs_record(subject, seen.sample, names, seen.together, setting.seed)
    told = [learned.rules_record(subject, one) for one in seen.learned]
    summary = Summary(
        subject=subject.name,
        version=subject.version,
        sha256=inputs.sha256,
        rows=len(seen.sample),
        of=seen.sample.of,
        heads=tuple(learned.head_record(h, seen.columns) for h in seen.heads),
        learned=tuple(told),
        together=seen.together,
        not_assessed=lacking,
        results=[_adapter().dump_python(r, mode="json") for r in results],
    )
    files = {"inputs_schema.json": as_json(inputs)}
    for head in seen.heads:
        name = learned.file_name("attribution", head.name, "csv")
        files[name] = learned.attribution_csv(head, seen.sample, setting.seed)
    for one in told:
        files[learned.file_name("rules", one.head, "json")] = as_json(one)
    files["rules.md"] = rules_page(told, seen.together, lacking).encode()
    files[SUMMARY] = as_json(summary)
    return Explained(summary, files, results)


def _place(subject: Subject, setting: Setting) -> Path | None:
    """Where answers about these very files are kept; None where they cannot be."""
    folder = cache_folder(subject)
    if folder is None:
        return None
    content = subject_digest(subject, but=own_places(subject, folder))
    if not content:
        return None
    parts = [subject.version, content, library_digest(), repr(setting)]
    return folder / "explained" / hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _recalled(place: Path | None) -> Explained | None:
    if place is None:
        return None
    try:
        summary = Summary.model_validate_json((place / SUMMARY).read_bytes())
        results = tuple(_adapter().validate_python(r) for r in summary.results)
        files = {f.name: f.read_bytes() for f in sorted(place.iterdir())}
    except (OSError, ValueError, ValidationError):
        return None
    return Explained(summary, files, results, kept=True)


def _adapter() -> TypeAdapter[CheckResult]:
    return TypeAdapter(CheckResult)
