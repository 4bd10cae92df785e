"""What a reader has found so far; becomes an :class:`Artifact` when reading is over."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audit_lib.subject.artifacts.artifact import (
    ArrayInfo,
    Artifact,
    Budget,
    Format,
    Json,
    Safety,
    SafetyReason,
)

if TYPE_CHECKING:
    from audit_lib.subject.artifacts.own import ArtifactReader

#: A hostile file can hold millions of reasons; people and packets need the first ones.
MOST_REASONS = 200


class Undecodable(Exception):  # noqa: N818 - an answer of a reader, not a defect of it
    """The bytes are not what their format demands; the message says where."""


class OverBudget(Undecodable):
    """Reading on would cost more than the budget allows."""


@dataclass
class Draft:
    """Collected facts of one artifact.

    Attributes:
        trusted: classes (``module.name``) that the subject vouches for, as inert to build.
        executable: the format can carry code, so that silence of the reader means ``SAFE``.
        unpacked: bytes that decompression yielded so far.
        opcodes: opcodes interpreted so far.
        nested: how many archives the file is nested in.
        own: readers of one's own, asked where the workbook's cannot tell.
        reader: name of the format that one of them read.
    """

    budget: Budget
    trusted: frozenset[str] = frozenset()
    format: Format = Format.UNKNOWN
    executable: bool = False
    compression: str = ""
    reasons: dict[SafetyReason, None] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    written_by: dict[str, set[str]] = field(default_factory=dict)
    arrays: list[ArrayInfo] = field(default_factory=list)
    feature_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    feature_names: tuple[str, ...] | None = None
    parameters: dict[str, Json] = field(default_factory=dict)
    document: Json = None
    problems: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    unpacked: int = 0
    opcodes: int = 0
    nested: int = 0
    own: tuple[ArtifactReader, ...] = ()
    reader: str = ""

    def refuse(
        self,
        why: str,
        *,
        offset: int = 0,
        global_name: str = "",
        where: str = "",
        safety: Safety = Safety.UNKNOWN,
    ) -> None:
        """Add a reason not to load the artifact."""
        reason = SafetyReason(global_name, offset, why, safety, where)
        if len(self.reasons) < MOST_REASONS or (
            safety is Safety.UNSAFE and not self._has(Safety.UNSAFE)
        ):
            self.reasons.setdefault(reason)
        else:
            self.note(f"more than {MOST_REASONS} reasons to refuse; only the first are kept")

    def problem(self, text: str) -> None:
        """Add a problem, once."""
        self.problems.setdefault(text)

    def note(self, text: str) -> None:
        """Add something worth knowing that is no fault of the artifact, once."""
        self.notes.setdefault(text)

    def wrote(self, library: str, version: object) -> None:
        """Note which version of a library wrote the bytes."""
        self.written_by.setdefault(library, set()).add(str(version))

    def features(self, pointer: str, names: Iterable[object]) -> None:
        """Note a list of feature names and where it stands."""
        self.feature_sets[pointer] = tuple(str(name) for name in names)

    def count_unpacked(self, size: int) -> None:
        """Note that so many bytes came out of a compression.

        Raises:
            OverBudget: with those before, they are more than the budget allows.
        """
        self.unpacked += size
        if self.unpacked > self.budget.unpacked_bytes:
            limit = self.budget.unpacked_bytes
            raise OverBudget(f"unpacks to more than the budget of {limit} bytes")

    def finish(self, path: str, size: int, sha256: str) -> Artifact:
        """The frozen artifact."""
        return Artifact(
            path=path,
            format=self.format,
            size=size,
            sha256=sha256,
            safety=self._safety(),
            reasons=tuple(self.reasons),
            globals=tuple(sorted(self.globals)),
            written_by={k: ", ".join(sorted(v)) for k, v in sorted(self.written_by.items())},
            arrays=tuple(self.arrays),
            feature_names=self._chosen_features(),
            feature_sets=self.feature_sets,
            parameters=self.parameters,
            document=self.document,
            compression=self.compression,
            problems=tuple(self.problems),
            notes=tuple(self.notes),
            reader=self.reader,
        )

    def _has(self, safety: Safety) -> bool:
        return any(reason.safety is safety for reason in self.reasons)

    def _safety(self) -> Safety:
        if self._has(Safety.UNSAFE):
            return Safety.UNSAFE
        if self.reasons:
            return Safety.UNKNOWN
        return Safety.SAFE if self.executable else Safety.NOT_EXECUTABLE

    def _chosen_features(self) -> tuple[str, ...] | None:
        if self.feature_names is not None:
            return self.feature_names
        distinct = {names for names in self.feature_sets.values() if not _made_up(names)}
        return distinct.pop() if len(distinct) == 1 else None


def _made_up(names: tuple[str, ...]) -> bool:
    """True for the names libraries give columns that have none (``Column_0``, ``f0``)."""
    return all(re.fullmatch(r"(Column_|f|x)\d+", name) for name in names)
