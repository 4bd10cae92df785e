"""A small subject, pristine before every test, and one host for each isolation level."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit_lib.errors import AuditError
from audit_lib.host import Host, Isolation, Limits, probe, tree_digest

HERE = Path(__file__).parent
LIMITS = Limits(
    seconds=5,
    load_seconds=60,
    memory_mb=512,
    output_mb=64,
    file_mb=64,
    scratch_mb=128,
    processes=16,
)

Hosts = Callable[[Isolation], Host]


@pytest.fixture(scope="session")
def subject_of_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("subject") / "checkout"
    (top / "package").mkdir(parents=True)
    (top / "package" / "__init__.py").write_text("")
    (top / "package" / "module.py").write_text("VALUE = 1\n")
    (top / "model.txt").write_text("weights " * 100)
    return top


@pytest.fixture
def subject(subject_of_session: Path) -> Iterator[Path]:
    """The checkout; put back as it was if a test without isolation changed it."""
    kept = subject_of_session.with_name("kept")
    if not kept.exists():
        shutil.copytree(subject_of_session, kept)
    before = tree_digest(subject_of_session)
    yield subject_of_session
    if tree_digest(subject_of_session) != before:
        # Its folder stays: what hooks may read is that very folder.
        for path in subject_of_session.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(kept, subject_of_session, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def hosts(subject_of_session: Path) -> Iterator[Hosts]:
    """The host of a level, opened once; the test is skipped where the level does not hold."""
    opened: dict[Isolation, Host] = {}

    def of(level: Isolation) -> Host:
        if level not in opened:
            try:
                probe(level, without=())
            except AuditError as error:
                # CI names the levels that it promises to try.
                promised = os.environ.get("WORKBOOK_PROMISED", "").split(",")
                end = pytest.fail if level.label in promised else pytest.skip
                end(str(error))
            opened[level] = Host(
                HERE / "hostile_hooks.py",
                root=subject_of_session,
                limits=LIMITS,
                isolation=level,
                allow_unisolated=True,
            )
        return opened[level]

    yield of
    for host in opened.values():
        host.close()
