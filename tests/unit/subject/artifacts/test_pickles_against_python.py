"""The judge of pickles against the unpicklers of the standard library: what they run is refused."""

from __future__ import annotations

import pickle

from benign import plain
from hypothesis import HealthCheck, example, given, settings
from streams_of_opcodes import bent, recorded, streams

from audit_lib.subject.artifacts.artifact import Budget, Safety
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.artifacts.judge.trust import judge
from audit_lib.subject.artifacts.readers import read
from audit_lib.subject.artifacts.source import in_memory

SMALL = Budget(unpacked_bytes=1 << 20, opcodes=20_000)
HONEST = [pickle.dumps(value, p) for value in plain().values() for p in range(6)]
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def judged(data: bytes) -> Safety:
    draft = Draft(SMALL)
    read(in_memory(data, "artifact"), draft)
    return draft.finish("artifact", len(data), "").safety


def _holds(data: bytes) -> None:
    # A name that is no identifier ("Np 7") is in no module by its own statements, and in any text.
    harmful = {
        pair
        for pair in recorded(data)
        if judge(*pair).safety is Safety.UNSAFE
        and all(part.isidentifier() for text in pair for part in text.split("."))
    }
    assert not harmful or judged(data).refused, (data, harmful)


@given(streams())
@QUICK
@example(b"I010\n0cposix\nsystem\n(S'echo'\ntR.")
@example(b"I7\0rest\n0cos\nsystem\n(S'x'\ntR.")
@example(b"V" + b"x" * ((1 << 24) + 1) + b"\n0cos\nsystem\n(S'x'\ntR.")
@example(b"N\xc2\x950" + bytes(6) + b"cos\nsystem\n(S'x'\ntR.")
def test_no_stream_that_looks_up_what_is_harmful_is_clean(data: bytes) -> None:
    _holds(data)


@given(bent(HONEST))
@QUICK
def test_no_bent_honest_stream_that_looks_up_what_is_harmful_is_clean(data: bytes) -> None:
    _holds(data)
