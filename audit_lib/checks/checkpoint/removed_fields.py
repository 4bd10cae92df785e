import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.files import ANY, read_whole
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import ask, frame
from audit_lib.probes.questions.frames import differences
from audit_lib.probes.questions.samples import few
from audit_lib.subject.pointers import pointer_to

DIGESTS = ("sha256", "sha512", "sha1", "md5", "blake2b")
SEALS = frozenset(
    {".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".toml", ".txt", ".sha256", ".md5", ""}
    | {".db", ".sqlite", ".sqlite3"}  # a digest is as long as another
)
VARIED = 2  # values that some head must take on the sample
LARGEST = 5 << 20  # bytes of a file that may hold checksums


class RemovedFieldsAreNotGuessed(Check):
    """A version whose metadata lacks a field is refused, or predicts the same.

    What it checks
        With one field of the metadata removed, and every checksum of it made again, prediction is
        refused, fails, or does not change.
    Why it matters
        A field that an older writer did not know, or that a clean-up dropped, is replaced by a
        default: other statistics, another threshold, another scale, and nothing in the
        predictions says so. Checksums do not help where they were written after it.
    How
        Removes the fields of the first and second level one at a time in a scratch copy of the
        store, writes the new digests wherever the old ones stood, and drives
        `predictor.predict`. Fields of the second level are first removed together: where that
        changes nothing, no prediction reads them.
    Limitations
        Metadata in JSON only. Fields that change intervals or orders, and no prediction, are not
        seen; nor is one that is guessed only while others beside it are there.
    Remediation
        Read what was written without a default, and raise where it is not there.
    Sources
        SR 11-7 section V (model inventory); CWE-1188, insecure default initialisation.
    """

    code = "CHK103"
    severity = Severity.HIGH
    needs = ("predictor.predict",)

    rows: int = Field(160, ge=1, description="rows of the sample that are used")
    fields: int = Field(200, ge=1, description="most fields to remove, upper level first")
    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Remove each field in turn."""
        document = subject.metadata
        if not document.path.endswith(".json") or not isinstance(document.data, dict):
            raise NotAssessed(f"{document.path or 'the metadata'} is no JSON file with fields")
        features = few(subject, self.rows)
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        hook, store = subject.hook("predictor.predict"), scratch.store
        whole = ask(hook.on(store), features, into=frame).needed(
            "predictor.predict on a copy of the store"
        )
        if whole.nunique().max() < VARIED:
            raise NotAssessed("predictions are the same on every row, so that nothing could move")
        groups = list(_fields(document.data))
        paths = [path for group in groups for path in group]
        todo, rows = groups[::-1], list[tuple[str, str, str]]()
        while todo and len(rows) < self.fields:
            group = todo.pop()[: self.fields - len(rows)]
            originals = _rewritten(store, store / document.path, _without(document.data, group))
            reply = ask(hook.on(store), features, into=frame)
            for file, content in originals.items():
                file.write_bytes(content)
            word, text = _reaction(whole, reply.got) if reply.answered else ("refused", reply.why)
            if len(group) == 1 or word == "same":
                more = f"all {len(group)} at once" if len(group) > 1 else ""
                why = "; ".join(filter(None, (text, more)))
                rows += [(pointer_to(*path), word, why) for path in group]
            else:
                todo += [[path] for path in reversed(group)]
        yield Examined(len(rows), "removed fields")
        if len(paths) > self.fields:
            yield Gap(f"{len(paths) - self.fields} of {len(paths)} fields", "option fields")
        columns = ("field", "without it", "said")
        yield Evidence("fields", "Predictions without a field", columns, tuple(rows))
        guessed = [(pointer, text) for pointer, word, text in rows if word == "other predictions"]
        if guessed:
            (pointer, text), *others = guessed
            names = ", ".join(p[1:] for p, _ in others[:4]) + (", …" if len(others) > 4 else "")
            more = f" (and without {len(others)} more fields: {names})" if others else ""
            yield self.finding(
                document.location(pointer),
                f"without {pointer[1:]} other predictions are served: {text}{more}",
                measured="other predictions",
                expected="a refusal, or the same predictions",
                key=pointer if not others else "fields that are guessed",
                evidence=("fields",),
            )


def _reaction(whole: pd.DataFrame, got: pd.DataFrame) -> tuple[str, str]:
    """What became of predictions; a head that is no longer answered is not guessed."""
    heads = [name for name in whole.columns if name in got.columns]
    if not heads or not bool(np.asarray(got[heads].notna()).any()):
        return "refused", "no prediction"
    moved = differences(whole[heads], got[heads], tolerance=1e-12)
    if moved:
        return "other predictions", f"head {moved[0].column} {moved[0].text}"
    return "same", "" if len(heads) == whole.shape[1] else f"{', '.join(heads)} alone"


def _fields(data: dict[str, Any]) -> Iterator[list[tuple[str, ...]]]:
    """Fields of the first level, each by itself, then those of the second, by what holds them."""
    for name in data:
        yield [(str(name),)]
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield [(str(name), str(inner)) for inner in value]


def _without(data: dict[str, Any], paths: list[tuple[str, ...]]) -> bytes:
    changed = copy.deepcopy(data)
    for path in paths:
        inner = changed
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]
    return json.dumps(changed, indent=1).encode()


def _rewritten(store: Path, file: Path, content: bytes) -> dict[Path, bytes]:
    """Write a file, and its new digests wherever the old ones stand; what files held before."""
    originals: dict[Path, bytes] = {}
    todo = [(file, content)]
    while todo:
        path, new = todo.pop()
        old = read_whole(path, most=ANY)
        originals.setdefault(path, old)
        path.write_bytes(new)
        turned = {
            hashlib.new(name, old).hexdigest().encode(): hashlib.new(name, new).hexdigest().encode()
            for name in DIGESTS
        }
        for other in sorted(store.rglob("*")):
            if other in originals or other.suffix not in SEALS or not other.is_file():
                continue
            if other.stat().st_size > LARGEST:
                continue
            held = sealed = read_whole(other)
            for before, after in turned.items():
                sealed = sealed.replace(before, after)
            if sealed != held:
                todo.append((other, sealed))
    return originals
