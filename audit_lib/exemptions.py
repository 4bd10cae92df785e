"""Waivers: findings that an owner accepted, for a reason, until a date.

``exemptions.toml`` in the parameters folder holds one table a waiver::

    [[exemption]]
    fingerprint = "3f2a..."          # or code = "SPL001" with path (and optionally version)
    owner = "research desk"
    reason = "the vendor closes the gap in Q1"
    expires = 2026-12-31

``baseline.toml`` beside it holds the findings that were accepted together when the audit of an old
engine began; ``workbook baseline`` writes it.  Its owner, reason and expiry stand once, on top, and
hold for every ``[[accepted]]`` finding that does not name its own.

A waiver never grows silently: it names one finding, or one check at one place; it ends on its
date, after which what it named counts again; and one that is expired or covers nothing is itself
a finding of the closure task.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit_lib.errors import ParameterError
from audit_lib.files import read_words
from audit_lib.model import CheckResult, Exempted, Finding

FILE = "exemptions.toml"
BASELINE = "baseline.toml"


class Exemption(BaseModel):
    """One waiver.

    Attributes:
        fingerprint: of the finding that is waived; or
        code: the check, together with ``path``: the place.
        version: limits the waiver to one version; '' covers all.
        owner: who answers for it.
        reason: why the finding is accepted.
        expires: the last day on which it holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str = ""
    code: str = ""
    path: str = ""
    version: str = ""
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    expires: date

    @model_validator(mode="after")
    def _names_something(self) -> Exemption:
        if not self.fingerprint and not (self.code and self.path):
            raise ValueError("name a `fingerprint`, or a `code` together with a `path`")
        return self

    def covers(self, finding: Finding, version: str) -> bool:
        """True where this waiver names the finding, whatever the date."""
        if self.version and self.version != version:
            return False
        if self.fingerprint:
            return finding.fingerprint.startswith(self.fingerprint)
        places = (finding.location.path, finding.anchor.path)
        return finding.code == self.code and self.path in places

    def describe(self) -> str:
        """What it names, in a few words."""
        return self.fingerprint or f"{self.code} at {self.path}"

    @property
    def file(self) -> str:
        """The file that it stands in."""
        return FILE

    def judged(self, version: str) -> bool:
        """True where it should cover something of that version."""
        return self.version in ("", version)


class Accepted(Exemption):
    """A finding of the baseline.

    Attributes:
        what: what it was about, for whoever reads the file.
        seen: versions in which it was found when it was accepted; it covers it in any version, but
            only in these it is missed once it is gone.
    """

    fingerprint: str = Field(min_length=6)
    what: str = ""
    seen: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The file that it stands in."""
        return BASELINE

    def judged(self, version: str) -> bool:
        """True where it should cover something of that version."""
        return super().judged(version) and (not self.seen or version in self.seen)


Waiver = TypeVar("Waiver", bound=Exemption)


@dataclass(frozen=True)
class Applied:
    """What applying waivers came to.

    Attributes:
        results: the results, with ``exempted`` filled in.
        used: waivers that cover a finding today.
        expired: waivers past their date.
        unused: waivers in force that cover nothing.
    """

    results: tuple[CheckResult, ...]
    used: tuple[Exemption, ...]
    expired: tuple[Exemption, ...]
    unused: tuple[Exemption, ...]


def load_exemptions(folder: Path) -> tuple[Exemption, ...]:
    """Waivers of a parameters folder, those of its baseline last; none where there is no file.

    Raises:
        ParameterError: not TOML, or a waiver lacks owner, reason, expiry or what it names; every
            problem is listed at once.
    """
    return (*_read(folder / FILE, "exemption", Exemption), *load_baseline(folder))


def load_baseline(folder: Path) -> tuple[Accepted, ...]:
    """Findings that the baseline accepts; none where there is no file.

    Raises:
        ParameterError: as :func:`load_exemptions`.
    """
    return _read(folder / BASELINE, "accepted", Accepted, shared=("owner", "reason", "expires"))


def _read(
    file: Path, table: str, kind: type[Waiver], shared: tuple[str, ...] = ()
) -> tuple[Waiver, ...]:
    try:
        data = tomllib.loads(read_words(file))
    except FileNotFoundError:
        return ()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"not valid TOML: {error}", where=str(file), mend="correct the syntax there"
        ) from None
    unknown = sorted(set(data) - {table, *shared})
    if unknown:
        raise ParameterError(
            f"key {unknown[0]!r} is not known", where=str(file), mend=f"write [[{table}]] tables"
        )
    given = {key: data[key] for key in shared if key in data}
    waivers, problems = [], []
    for position, entry in enumerate(data.get(table, []), start=1):
        try:
            waivers.append(kind.model_validate(given | entry if isinstance(entry, dict) else entry))
        except ValidationError as error:
            for problem in error.errors():
                key = ".".join(map(str, problem["loc"])) or "entry"
                problems.append(f"{table} {position}, {key}: {problem['msg']}")
    if problems:
        raise ParameterError(
            "; ".join(problems),
            where=str(file),
            mend="each needs owner, reason, expires (a date) and a fingerprint, or code and path",
        )
    return tuple(waivers)


def apply(
    results: Iterable[CheckResult], exemptions: Sequence[Exemption], *, version: str, today: date
) -> Applied:
    """Mark findings that waivers cover, or did until their date.  Outcomes stay as they were."""
    marked, used = [], set()
    for result in results:
        waived, lapsed = [], []
        for finding in result.findings:
            naming = [e for e in exemptions if e.covers(finding, version)]
            in_force = [e for e in naming if e.expires >= today]
            if in_force:
                used.update(in_force)
                waived.append(_exempted(finding, in_force[0]))
            elif naming:
                lapsed.append(_exempted(finding, max(naming, key=lambda e: e.expires)))
        changed = replace(result, exempted=tuple(waived), lapsed=tuple(lapsed))
        marked.append(changed if waived or lapsed else result)
    expired = tuple(e for e in exemptions if e.expires < today)
    return Applied(
        tuple(marked),
        used=tuple(e for e in exemptions if e in used),
        expired=expired,
        unused=tuple(
            e for e in exemptions if e not in used and e not in expired and e.judged(version)
        ),
    )


def _exempted(finding: Finding, exemption: Exemption) -> Exempted:
    return Exempted(
        finding.fingerprint, exemption.owner, exemption.reason, exemption.expires.isoformat()
    )
