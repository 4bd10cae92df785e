"""The level is what was tried and held, and machines that lack one degrade as described."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_lib.host import Host, Isolation, IsolationUnavailable, Limits, probe
from audit_lib.host import isolation as module

HOOKS = Path(__file__).parent / "hostile_hooks.py"
MACHINES = {
    "bubblewrap": Isolation.LANDLOCK_SECCOMP,
    "bubblewrap,seccomp": Isolation.LANDLOCK,
    "bubblewrap,landlock": Isolation.AUDIT_HOOK,
    "bubblewrap, landlock, seccomp": Isolation.AUDIT_HOOK,
    "bubblewrap,landlock,audit_hook": Isolation.NONE,
}


@pytest.fixture(autouse=True)
def fresh_probes() -> Iterator[None]:
    module._try.cache_clear()
    yield
    module._try.cache_clear()


def test_the_strongest_that_holds_is_taken() -> None:
    found = probe()
    assert found.holds
    assert found.isolation.promises <= found.stopped
    for stronger in Isolation:
        if stronger > found.isolation:
            with pytest.raises(IsolationUnavailable):
                probe(stronger)


@pytest.mark.parametrize("without", MACHINES)
def test_a_machine_that_lacks_something(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.WITHOUT, without)
    expected = MACHINES[without]
    if (
        expected > Isolation.AUDIT_HOOK
        and not module._try(expected, sys.executable, frozenset()).holds
    ):
        pytest.skip(f"this machine lacks {expected.label} in truth")
    assert probe().isolation is expected
    assert probe(without=()).isolation >= expected


def test_an_unknown_mechanism_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.WITHOUT, "bublewrap")
    with pytest.raises(IsolationUnavailable, match="bublewrap; known: bubblewrap"):
        probe()


def test_a_demanded_level_that_is_absent_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.WITHOUT, "landlock")
    with pytest.raises(IsolationUnavailable, match="landlock does not hold here: declared absent"):
        probe(Isolation.LANDLOCK)


PRETENDERS = {
    "fails": "exit 1",
    "runs the child without isolating it": (
        'while [ "$1" != "--" ]; do shift; done; shift; cd "$TMPDIR"; exec "$@"'
    ),
    "hangs": "sleep 60",
}


@pytest.mark.parametrize("pretender", PRETENDERS)
def test_a_bubblewrap_that_does_not_isolate_is_not_believed(
    pretender: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f"#!/bin/sh\n{PRETENDERS[pretender]}\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(module, "PROBE_SECONDS", 2.0)
    with pytest.raises(IsolationUnavailable, match="bubblewrap does not hold here"):
        probe(Isolation.BUBBLEWRAP)
    assert probe().isolation < Isolation.BUBBLEWRAP


def test_what_got_through_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f"#!/bin/sh\n{PRETENDERS['runs the child without isolating it']}\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(IsolationUnavailable, match=r"got through: datagrams, .*metadata, .*writes"):
        probe(Isolation.BUBBLEWRAP, without=["seccomp", "landlock"])


def test_without_isolation_a_host_opens_only_when_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(module.WITHOUT, "bubblewrap,landlock,audit_hook")
    limits = Limits(seconds=20)
    with pytest.raises(IsolationUnavailable, match="offers no isolation") as caught:
        Host(HOOKS, root=tmp_path, limits=limits).open()
    assert "policy.allow_unisolated" in caught.value.mend
    with Host(HOOKS, root=tmp_path, limits=limits, allow_unisolated=True) as host:
        assert host.isolation is Isolation.NONE
        assert host.call("drift.psi", [1.0], [2.0]) == 3.0


def test_descriptions_promise_no_more_than_the_level_does() -> None:
    described = {level: level.describe() for level in Isolation}
    assert len(set(described.values())) == len(Isolation)
    assert "no isolation" in described[Isolation.NONE]
    assert "not contained" in described[Isolation.AUDIT_HOOK]
    assert "not contained" in described[Isolation.LANDLOCK]
    assert [level for level in Isolation if level.contains] == [
        Isolation.LANDLOCK_SECCOMP,
        Isolation.BUBBLEWRAP,
    ]
    for weaker, stronger in zip(Isolation, list(Isolation)[1:3], strict=False):
        assert weaker.promises < stronger.promises
