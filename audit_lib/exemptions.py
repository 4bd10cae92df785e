"""Waivers: findings that an owner accepted, for a reason, until a date.

``exemptions.toml`` in the parameters folder holds one table a waiver::

    [[exemption]]
    fingerprint = "3f2a..."          # or code = "SPL001" with path (and optionally version)
    owner = "research desk"
    reason = "the vendor closes the gap in Q1"
    expires = 2026-12-31

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

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit_lib.errors import ParameterError
from audit_lib.model import CheckResult, Exempted, Finding

FILE = "exemptions.toml"


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
        return finding.code == self.code and finding.location.path == self.path

    def describe(self) -> str:
        """What it names, in a few words."""
        return self.fingerprint or f"{self.code} at {self.path}"


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
    """Waivers of a parameters folder; none where the file does not exist.

    Raises:
        ParameterError: not TOML, or a waiver lacks owner, reason, expiry or what it names; every
            problem is listed at once.
    """
    file = folder / FILE
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"not valid TOML: {error}", where=str(file), mend="correct the syntax there"
        ) from None
    unknown = sorted(set(data) - {"exemption"})
    if unknown:
        raise ParameterError(
            f"key {unknown[0]!r} is not known", where=str(file), mend="write [[exemption]] tables"
        )
    waivers, problems = [], []
    for position, entry in enumerate(data.get("exemption", []), start=1):
        try:
            waivers.append(Exemption.model_validate(entry))
        except ValidationError as error:
            for problem in error.errors():
                key = ".".join(map(str, problem["loc"])) or "entry"
                problems.append(f"exemption {position}, {key}: {problem['msg']}")
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
                used.add(in_force[0])
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
            e for e in exemptions if e not in used and e not in expired and _here(e, version)
        ),
    )


def _here(exemption: Exemption, version: str) -> bool:
    return exemption.version in ("", version)


def _exempted(finding: Finding, exemption: Exemption) -> Exempted:
    return Exempted(
        finding.fingerprint, exemption.owner, exemption.reason, exemption.expires.isoformat()
    )
