import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field as Option
from pydantic import field_validator

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.code.constants import UNKNOWN
from audit_lib.probes.code.counterparts import Path, Truth
from audit_lib.subject.documents import Document
from audit_lib.subject.pointers import pointer_to


class ContractDocumentAgrees(Check):
    """The pipeline contract says what the version's artifacts and the code's constants say.

    What it checks
        Each statement of the contract document that has a counterpart: in the metadata or another
        data file of the version, or among the constants and field defaults of the code. Entries
        that the metadata has under a documented heading and the contract leaves out (a head, a
        target) count too.
    Why it matters
        Traders, risk and the next engineer read the contract, not the code. A threshold that moved
        in the code alone is believed at its old value until it costs money.
    How
        Finds counterparts by name: the same pointer in the metadata; a pointer within a data file
        called like the first word (`/decisions/...` in `decisions.json`); a checkpoint field called
        like the last word; a constant or field default of that name in the module called like the
        first word (`/governance/margin` and `MARGIN` in `governance.py`); the one number that
        settings files, constants and fields of that name have. `bindings` names others,
        such as `/features/names: metadata:/feature_cols`, `/gates: code:gates.py::NAMES`,
        `/scaler/mad: scaler.json#/mad` (a file of the version), `/regimes: policies.yaml#/regimes`
        (one beside the code) or `/regimes: keys:policies.yaml#/regimes` (its keys).
    Limitations
        Statements without a counterpart are listed and not judged. Constants computed at run time
        are not known.
    Remediation
        Correct the code or the contract, whichever is wrong, and derive the contract from the code
        in the build.
    Sources
        The audit plan's docs contract.
    """

    code = "DOC001"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True

    document: str = Option("contract", description="name of the contract document")
    bindings: dict[str, str] = Option(
        {},
        description="pointer in the contract to metadata:/pointer, FILE#/pointer, keys:/pointer or "
        "code:file.py::NAME",
    )

    @field_validator("bindings")
    @classmethod
    def _each_leads_somewhere(cls, value: dict[str, str]) -> dict[str, str]:
        for pointer, target in value.items():
            if not pointer.startswith("/"):
                raise ValueError(f"{pointer!r} is no pointer into the contract; start it with '/'")
            if not target or target in ("metadata:", "code:") or target.endswith("#"):
                raise ValueError(
                    f"{target!r} of {pointer} leads to no value; write metadata:/pointer, "
                    "FILE#/pointer, keys:/pointer or code:file.py::NAME"
                )
        return value

    def run(self, subject: Subject) -> Answers:
        """Compare every statement that has a counterpart."""
        document = subject.document(self.document)
        if not isinstance(document.data, Mapping):
            raise NotAssessed(f"{document.path} holds no mapping")
        truth = Truth(subject)
        rows: list[tuple[str, str, str, str]] = []
        compared = 0
        yield from self._unbound(document, truth)
        for path, stated in self._statements(document.data):
            pointer = pointer_to(*path)
            where, actual = self._counterpart(truth, path, pointer, stated)
            if actual is UNKNOWN:
                rows.append((pointer, _shown(stated), "", "not compared"))
                continue
            compared += 1
            problem = _differs(stated, actual)
            rows.append((pointer, _shown(stated), _shown(actual), where))
            if problem:
                yield self.finding(
                    document.location(pointer),
                    f"the contract says {_shown(stated)}, {where} {problem}",
                    measured=_shown(actual),
                    expected=_shown(stated),
                    key=pointer,
                    evidence=("statements",),
                )
        yield from self._left_out(document, truth)
        yield Evidence(
            "statements",
            "Statements of the contract",
            ("statement", "contract", "found", "where"),
            tuple(rows),
        )
        yield Examined(compared, "statements with a counterpart")

    def _statements(self, data: Any) -> Iterator[tuple[Path, Any]]:
        stack: list[tuple[Path, Any]] = [((), data)]
        while stack:
            path, value = stack.pop()
            bound = pointer_to(*path) in self.bindings
            if isinstance(value, Mapping) and value and not bound:
                stack.extend((*[((*path, str(k)), v) for k, v in value.items()],)[::-1])
            elif path:
                yield path, value

    def _counterpart(self, truth: Truth, path: Path, pointer: str, stated: Any) -> tuple[str, Any]:
        if pointer in self.bindings:
            return truth.bound(self.bindings[pointer])
        where, actual = truth.named(path)
        # Prose beside a table of that name describes it, and states nothing to compare.
        alike = isinstance(stated, (list, dict)) == isinstance(actual, (list, dict))
        return (where, actual) if alike else ("", UNKNOWN)

    def _unbound(self, document: Document, truth: Truth) -> Iterator[Gap]:
        for pointer, target in self.bindings.items():
            if not document.has(pointer):
                yield Gap(f"binding {pointer}", f"{document.path} has nothing there")
            elif truth.bound(target)[1] is UNKNOWN:
                yield Gap(f"binding {pointer}", f"{target} leads to no plain value")

    def _left_out(self, document: Document, truth: Truth) -> Answers:
        for key, stated in document.data.items():
            actual: Any = truth.metadata.get(pointer_to(key)) if truth.metadata else None
            if not (_is_catalogue(stated) and _is_catalogue(actual)):
                continue
            for name in sorted(set(actual) - set(stated)):
                yield self.finding(
                    document.location("", key),
                    f"the metadata has {key} {name!r}, which the contract does not name",
                    measured=name,
                    expected=", ".join(sorted(stated)),
                    key=f"/{key} {name}",
                )
            for name in sorted(set(stated) - set(actual)):
                yield self.finding(
                    document.location("", key, name),
                    f"the contract names {key} {name!r}, which the metadata does not have",
                    measured=", ".join(sorted(actual)),
                    expected=name,
                    key=f"/{key} {name}",
                )


def _differs(stated: Any, actual: Any) -> str:
    """How the counterpart departs; '' where it does not."""
    if isinstance(stated, list) and isinstance(actual, list):
        if sorted(map(repr, stated)) == sorted(map(repr, actual)) and stated != actual:
            return "has the same entries in another order"
        missing = [x for x in stated if x not in actual]
        added = [x for x in actual if x not in stated]
        if missing or added or len(stated) != len(actual):
            parts = [f"lacks {_shown(missing)}"] if missing else []
            parts += [f"has {_shown(added)} besides"] if added else []
            return " and ".join(parts) or "has another length"
        return ""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (stated, actual))
    if numbers:
        same = math.isclose(stated, actual, rel_tol=1e-9, abs_tol=1e-15)
    else:
        same = type(stated) is type(actual) and stated == actual
    return "" if same else f"says {_shown(actual)}"


def _is_catalogue(value: Any) -> bool:
    """True for a mapping of names to mappings: heads, targets, ..."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(v, Mapping) for v in value.values())
    )


def _shown(value: Any) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
