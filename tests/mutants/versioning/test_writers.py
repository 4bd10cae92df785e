import pytest

from audit_lib.checks.versioning.writers import CAUSE
from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

REGISTRY = """
import contextlib, fcntl, json, os, time

def rows(at):
    file = at.store / "registry.json"
    return json.loads(file.read_text()) if file.exists() else []

@contextlib.contextmanager
def locked(at):
    with open(at.store / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

@surface("registry")
def register(at, version, metrics):
    with {guard}:
        known = rows(at)
        time.sleep(0.01)
        known = (known + [version])[-{kept}:]
        made = at.store / f"{{os.getpid()}}.json"
        made.write_text(json.dumps(known))
        made.replace(at.store / "registry.json")

@surface("registry")
def versions(at):
    return rows(at)
"""


def registry(guard="locked(at)", kept=100):
    return REGISTRY.format(guard=guard, kept=kept)


@pytest.mark.passes("VER004")
def test_a_lock_loses_nothing(tmp_path):
    with tiny(tmp_path, registry(), meta={}) as subject:
        result = run_check("VER004", subject)
    assert_passes(result)
    assert result.examined[0].count == 12


@pytest.mark.passes("VER004")
def test_retention_of_two_is_not_loss(tmp_path):
    with tiny(tmp_path, registry(kept=2), meta={}) as subject:
        assert_passes(run_check("VER004", subject))


def test_retention_of_one_tells_nothing(tmp_path):
    with tiny(tmp_path, registry(kept=1), meta={}) as subject:
        result = run_check("VER004", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "fewer than two versions" in result.reason


@pytest.mark.fails("VER004")
def test_read_change_write_without_a_lock(tmp_path):
    with tiny(tmp_path, registry("contextlib.nullcontext()"), meta={}) as subject:
        found = assert_fails(run_check("VER004", subject), cause=CAUSE, hook="registry.register")
    assert found.measured.endswith("of 12 rounds")


@pytest.mark.fails("VER004")
def test_a_window_as_short_as_it_can_be(tmp_path):
    with tiny(
        tmp_path,
        registry("contextlib.nullcontext()").replace("        time.sleep(0.01)\n", ""),
        meta={},
    ) as subject:
        assert_fails(run_check("VER004", subject), cause=CAUSE, hook="registry.register")


IN_PLACE = """
import json, os, time

def rows(at):
    file = at.store / "registry.json"
    return json.loads(file.read_text()) if file.exists() else []

@surface("registry")
def register(at, version, metrics):
    known = rows(at) + [{"id": version, "note": "x" * (7 if version.endswith("a") else 40)}]
    text = json.dumps(known)
    with open(at.store / "registry.json", "w") as file:
        for start in range(0, len(text), 16):
            file.write(text[start : start + 16])
            file.flush()
            time.sleep(0.002)

@surface("registry")
def versions(at):
    return [row["id"] for row in rows(at)]
"""


@pytest.mark.races
@pytest.mark.fails("VER004")
def test_a_file_that_two_write_in_place(tmp_path):
    with tiny(tmp_path, IN_PLACE, meta={}) as subject:
        result = run_check("VER004", subject)
    assert result.outcome is Outcome.FAIL
    # which sign shows depends on who comes first; in twelve rounds one of them always does
    (found,) = result.findings
    assert found.cause == CAUSE


BESIDE = """
@contextlib.contextmanager
def one_at_a_time(at):
    try:
        os.close(os.open(at.store / ".busy", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        while (at.store / ".busy").exists():  # until the other is done
            time.sleep(0.001)
        {meeting}
    try:
        yield
        time.sleep(0.1)
    finally:
        (at.store / ".busy").unlink(missing_ok=True)
"""


@pytest.mark.fails("VER004")
@pytest.mark.parametrize(
    ("meeting", "said"),
    [
        ('raise RuntimeError("busy")', "crashed beside another"),
        ('(at.store / "registry.json").write_text("["); time.sleep(0.1)', "cannot be read"),
    ],
)
def test_what_meeting_another_leads_to(tmp_path, meeting, said):
    text = registry("one_at_a_time(at)") + BESIDE.format(meeting=meeting)
    with tiny(tmp_path, text, meta={}) as subject:
        found = assert_fails(run_check("VER004", subject), cause=CAUSE)
    assert said in found.message


@pytest.mark.passes("VER004")
def test_the_reference_engine_loses_nothing(reference):
    assert_passes(run_check("VER004", reference))


@pytest.mark.races
@pytest.mark.fails("VER004")
def test_the_reference_engine_without_its_lock(engine):
    edit_source(
        engine, "registry.py", "os.O_CREAT | os.O_EXCL | os.O_WRONLY", "os.O_CREAT | os.O_WRONLY"
    )
    with mutant(engine) as subject:
        assert_fails(run_check("VER004", subject), cause=CAUSE)
