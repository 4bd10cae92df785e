"""Hold a written contract to what is derived today."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_lib.contract.derivation import ABOUT, FORMAT
from audit_lib.errors import AuditError
from audit_lib.files import read_words
from audit_lib.subject.pointers import pointer_to

ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """A statement that the document and today's pipeline do not share.

    Attributes:
        pointer: JSON pointer of the statement.
        documented, derived: its values; :data:`ABSENT` where one side has none.
        source: where the derived value comes from; '' where it is not derived any more.
    """

    pointer: str
    documented: Any
    derived: Any
    source: str

    def __str__(self) -> str:
        """One or two lines for people."""
        if isinstance(self.documented, list) and isinstance(self.derived, list):
            what = _of_lists(self.documented, self.derived)
        elif self.derived is ABSENT:
            what = f"documented {shown(self.documented)}; nothing like it is derived any more"
        elif self.documented is ABSENT:
            what = f"derived {shown(self.derived)}; the document does not state it"
        else:
            what = f"documented {shown(self.documented)}, derived {shown(self.derived)}"
        return f"{self.pointer}: {what}" + (f"  [{self.source}]" if self.source else "")


def read_contract(file: Path) -> dict[str, Any]:
    """Read a contract that ``workbook contract export`` wrote.

    Raises:
        AuditError: not there, not JSON, or of another form.
    """
    again = "write it with `workbook contract export`"
    try:
        data = json.loads(read_words(file))
    except FileNotFoundError:
        raise AuditError("there is no contract", where=str(file), mend=again) from None
    except (OSError, ValueError) as error:
        raise AuditError(f"not JSON: {error}", where=str(file), mend=again) from None
    head = data.get("contract") if isinstance(data, dict) else None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise AuditError(
            f"this is no contract of format {FORMAT} (contract.format)",
            where=str(file),
            mend=f"{again}; a contract of another form is held to the code by DOC001",
        )
    return dict(data)


def differences(documented: dict[str, Any], derived: dict[str, Any]) -> list[Difference]:
    """Statements that differ, in the document's order; what tells of the release is left out."""
    sources = derived.get("sources", {})
    left, right = ({k: v for k, v in d.items() if k not in ABOUT} for d in (documented, derived))
    return [Difference(p, a, b, _source(p, sources)) for p, a, b in _walk("", left, right)]


def _walk(pointer: str, left: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            inner = pointer + pointer_to(key)
            yield from _walk(inner, left.get(key, ABSENT), right.get(key, ABSENT))
    elif not _same(left, right):
        yield pointer, left, right


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (left, right))
    if numbers:
        return math.isclose(left, right, rel_tol=1e-12)
    return type(left) is type(right) and bool(left == right)


def _of_lists(documented: list[Any], derived: list[Any]) -> str:
    texts = [[shown(v) for v in side] for side in (documented, derived)]
    gone = [t for t in texts[0] if t not in texts[1]]
    new = [t for t in texts[1] if t not in texts[0]]
    if not gone and not new and len(documented) == len(derived):
        at = next(i for i, (a, b) in enumerate(zip(*texts, strict=True)) if a != b)
        return f"same entries in another order, from position {at}: {texts[0][at]}, {texts[1][at]}"
    parts = [f"{word} {', '.join(side)}" for word, side in (("gone:", gone), ("new:", new)) if side]
    parts.append(f"{len(documented)} documented, {len(derived)} derived")
    return "; ".join(parts)


def _source(pointer: str, sources: dict[str, str]) -> str:
    above = [p for p in sources if pointer == p or pointer.startswith(f"{p}/")]
    return sources[max(above, key=len)] if above else ""


def shown(value: Any) -> str:
    """A value as short JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "..."
