"""Derive a version's contract: what code, artifacts and hooks say, each with its origin.

Nothing is made up: a section that cannot be derived stands under ``not_derived`` with the reason,
so that a reader of the contract sees its gaps.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from audit_lib.checks.docs.contract_agrees import ContractDocumentAgrees
from audit_lib.contract.statements import Statement, bound, hooked, joined, plain, stored
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.gates import GATES
from audit_lib.selection import configured
from audit_lib.subject.checkpoint_fields import field, names_in, scaling
from audit_lib.subject.pointers import keys_of
from audit_lib.subject.subject import Subject

#: version of the form of the document; the model's version is another matter
FORMAT = 1
#: sections that tell of the document and the release, and are no promise about the pipeline
ABOUT = ("contract", "model", "sources", "not_derived")

Section = Callable[[Subject], Iterator[Statement]]


def derive(subject: Subject) -> dict[str, Any]:
    """The contract of the subject's version, as JSON data.

    ``sources`` names the origin of each statement by its JSON pointer.  ``contract.digest`` is
    over the promises alone: it changes if and only if one of them does.
    """
    promises: dict[str, Any] = {}
    sources: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name, section in SECTIONS.items():
        try:
            for statement in section(subject):
                _put(promises, statement.pointer, plain(statement.value))
                sources[statement.pointer] = statement.source
        except (NotAssessed, NotApplicable) as error:
            missing[name] = str(error).splitlines()[0].removesuffix("; write:")
    return {
        "contract": {"format": FORMAT, "subject": subject.name, "digest": digest(promises)},
        "model": _release(subject),
        **promises,
        "sources": sources,
        "not_derived": missing,
    }


def digest(promises: dict[str, Any]) -> str:
    """SHA-256 of the promises as JSON with sorted keys and without blanks."""
    text = json.dumps(promises, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _put(data: dict[str, Any], pointer: str, value: Any) -> None:
    *above, last = keys_of(pointer)
    for key in above:
        inner = data.setdefault(key, {})
        if not isinstance(inner, dict):  # a binding below a value that another section stated
            return
        data = inner
    data[last] = value


# --- sections ---------------------------------------------------------------------------------
def _features(subject: Subject) -> Iterator[Statement]:
    order = joined(
        lambda: hooked(subject, "predictor.required", "/features/order"),
        lambda: stored(subject, "feature_cols", "/features/order"),
    )
    names = names_in(order.value)
    if names is None:
        raise NotAssessed(f"{order.source} is no list of names")
    yield order
    text = json.dumps(names, separators=(",", ":"), ensure_ascii=False)
    yield Statement(
        "/features/schema_hash",
        hashlib.sha256(text.encode()).hexdigest(),
        "SHA-256 of the order as JSON without blanks",
    )
    yield Statement("/features/count", len(names), "length of the order")


def _policy(subject: Subject) -> Iterator[Statement]:
    policy = hooked(subject, "features.policy", "/features/policy")
    served = (
        names_in(field(subject, "feature_cols").value) if subject.parameters.artifacts else None
    )
    if served and isinstance(policy.value, dict):
        of_served = {name: policy.value.get(name) for name in served}
        policy = Statement(policy.pointer, of_served, policy.source)
    yield policy


def _normalisation(subject: Subject) -> Iterator[Statement]:
    statistics = next(iter(scaling(subject)), None)
    if statistics is None:
        raise NotAssessed("no statistics of scaling are stored (artifacts.fields.scaler_center)")
    fitted = {n: v for n in ("center", "scale") if (v := getattr(statistics, n)) is not None}
    # The numbers are the version's own, and stand in its metadata; the contract is about the form.
    yield Statement("/normalisation/statistics", sorted(fitted), statistics.source)
    columns = {column: None for values in fitted.values() for column in values}
    yield Statement("/normalisation/columns", len(columns), statistics.source)


def _targets(subject: Subject) -> Iterator[Statement]:
    yield joined(
        lambda: hooked(subject, "targets.declared", "/targets"),
        lambda: stored(subject, "targets", "/targets"),
    )


def _of_hook(hook: str, pointer: str) -> Section:
    def section(subject: Subject) -> Iterator[Statement]:
        yield hooked(subject, hook, pointer)

    return section


def _heads(subject: Subject) -> Iterator[Statement]:
    yield stored(subject, "heads", "/heads")


def _checkpoint(subject: Subject) -> Iterator[Statement]:
    metadata = subject.metadata
    if isinstance(metadata.data, dict):
        yield Statement("/checkpoint/fields", sorted(metadata.data), f"keys of {metadata.path}")
    prefix = subject.version_folder.relative_to(subject.store).as_posix() + "/"
    files = {a.path.removeprefix(prefix): a.kind for a in subject.version_artifacts}
    yield Statement("/checkpoint/files", files, "files of the version, and their formats")
    yield stored(subject, "input_dim", "/checkpoint/input_dim")


def _statements(subject: Subject) -> Iterator[Statement]:
    """What ``options.DOC001.bindings`` ties to the code or the metadata: thresholds, gates, ..."""
    check = configured(ContractDocumentAgrees, subject)
    assert isinstance(check, ContractDocumentAgrees)
    yield from bound(subject, check.bindings)


def _tests(_: Subject) -> Iterator[Statement]:
    for name, gate in GATES.items():
        yield Statement(f"/tests/{name}", list(gate.codes), f"workbook gate {name}")


SECTIONS: dict[str, Section] = {
    "features": _features,
    "policy": _policy,
    "normalisation": _normalisation,
    "targets": _targets,
    "preconditions": _of_hook("targets.preconditions", "/preconditions"),
    "splits": _of_hook("splits.declared", "/splits"),
    "heads": _heads,
    "checkpoint": _checkpoint,
    "statements": _statements,
    "tests": _tests,
}


def _release(subject: Subject) -> dict[str, Any]:
    """Which version this was derived from, and what the registry serves."""
    release: dict[str, Any] = {"version": subject.version}
    try:
        registry = subject.registry
        release |= {"latest": registry.latest, "champion": registry.champion}
    except (NotAssessed, NotApplicable):
        pass
    return release
