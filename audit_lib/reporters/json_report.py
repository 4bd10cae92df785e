"""Task results as JSON, and back: the form in which runs keep them.

The file mirrors the dataclasses of :mod:`audit_lib.model` field by field, with three additions:
``format`` names the layout; every finding carries its ``fingerprint`` and every evidence table
its ``digest`` (both are derived, and not read back).  Severities are written by name.  A float
that JSON cannot hold is written as ``{"float": "nan"}`` (``"inf"``, ``"-inf"``), so that nothing
is lost between a check and its reader.
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from audit_lib.errors import RunError
from audit_lib.files import read_whole
from audit_lib.model import Evidence, Finding, Severity, Task, TaskResult
from audit_lib.reporters.report import Report

FORMAT = "task-result/1"
_SURROGATES = re.compile("[\ud800-\udfff]")
_RATINGS = ("severity", "declared")
NO_SENTINEL = "its last cell left no sentinel"
_MEND = "the file is not what a run wrote; execute the task again"


@cache
def _adapter() -> TypeAdapter[TaskResult]:
    return TypeAdapter(TaskResult)


def dump_task(result: TaskResult) -> str:
    """One task's results as JSON text; the same results give the same text."""
    return dumps({"format": FORMAT, **plain(result)})


def to_json(*reports: Report) -> str:
    """Reports as one JSON document, each with its verdict, for ``--format json``."""
    records = [{**plain(report), "verdict": report.verdict.value} for report in reports]
    for report in records:
        for name in ("forced", "locate", "snippet"):  # how a report is made, not what it says
            report.pop(name)
    return dumps({"format": "reports/1", "reports": records})


def load_task(text: str, *, where: str = "results") -> TaskResult:
    """Read back what :func:`dump_task` wrote.

    Args:
        where: name of the file, for messages.

    Raises:
        RunError: the text is no JSON, of another format, or does not fit; the message names
            file, key and mend.
    """
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise RunError(
            f"is not JSON: {error.msg} (line {error.lineno})", where=where, mend=_MEND
        ) from None
    except RecursionError:
        raise RunError("is nested too deeply", where=where, mend=_MEND) from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        written = raw.get("format") if isinstance(raw, dict) else type(raw).__name__
        raise RunError(f"key 'format' is {written!r}, not {FORMAT!r}", where=where, mend=_MEND)
    raw.pop("format")
    try:
        return _adapter().validate_python(_inward(raw))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "(whole)"
        raise RunError(f"key {key!r}: {problem['msg']}", where=where, mend=_MEND) from None


def seal_of(run_id: str, task: Task, content: bytes) -> dict[str, str]:
    """What the sentinel of a task says once its notebook has reached its end."""
    digest = hashlib.sha256(content).hexdigest()
    return {"run_id": run_id, "task": task.value, "results_sha256": digest}


def unsealed(sentinel: Path, seal: Mapping[str, str]) -> str:
    """What tells that a task's notebook did not reach its end; '' where it did."""
    try:
        held = json.loads(read_whole(sentinel))
    except FileNotFoundError:
        return NO_SENTINEL
    except (OSError, ValueError) as error:
        return f"its sentinel cannot be read: {error}"
    for key, value in seal.items():
        noted = held.get(key) if isinstance(held, dict) else None
        if noted != value:
            return f"its sentinel holds {key} {noted!r} instead of {value!r}"
    return ""


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what :func:`dump_task` writes."""
    document = _adapter().json_schema()
    parts = document["$defs"]
    parts["Severity"] |= {"type": "string", "enum": [s.label for s in Severity]}
    parts["Finding"]["properties"]["fingerprint"] = {"type": "string", "pattern": "^[0-9a-f]{20}$"}
    parts["Evidence"]["properties"]["digest"] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    parts["Float"] = {
        "description": "A float that JSON has no number for.",
        "type": "object",
        "properties": {"float": {"enum": ["nan", "inf", "-inf"]}},
        "required": ["float"],
        "additionalProperties": False,
    }
    cell = parts["Evidence"]["properties"]["rows"]["items"]["items"]
    cell["anyOf"].append({"$ref": "#/$defs/Float"})
    document["properties"]["format"] = {"const": FORMAT}
    document["required"].append("format")
    for part in (document, *parts.values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}


def dumps(value: Any) -> str:
    """JSON text of plain data: indented, UTF-8 as it is, lone surrogates escaped."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    return _SURROGATES.sub(lambda m: f"\\u{ord(m.group()):04x}", text) + "\n"


def plain(value: Any) -> Any:
    """A value of the model as plain JSON data."""
    if isinstance(value, Severity):
        return value.label
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | bool | None):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, int):
        return int(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _record(value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return _foreign(value)


def _record(value: Any) -> dict[str, Any]:
    fields_of = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Finding):
        fields_of["fingerprint"] = value.fingerprint
    if isinstance(value, Evidence):
        # Of the cells as they are read back: a check may have left NumPy scalars in its rows.
        rows = tuple(tuple(row) for row in _inward(fields_of["rows"]))
        read_back = Evidence(value.name, value.title, tuple(fields_of["columns"]), rows)
        fields_of["digest"] = read_back.digest
    return fields_of


def _foreign(value: Any) -> Any:
    """NumPy scalars as Python's, dates as ISO text, anything else as text."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        unboxed = value.item()
        return plain(unboxed) if isinstance(unboxed, str | int | float) else str(unboxed)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _inward(value: Any) -> Any:
    """Undo what :func:`plain` did to severities and floats."""
    if isinstance(value, list):
        return [_inward(v) for v in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"float"} and value["float"] in ("nan", "inf", "-inf"):
        return float(value["float"])
    return {k: _severity(v) if k in _RATINGS else _inward(v) for k, v in value.items()}


def _severity(value: Any) -> Any:
    by_label = {s.label: s for s in Severity}
    return by_label.get(value, f"unknown severity {value!r}") if isinstance(value, str) else value
