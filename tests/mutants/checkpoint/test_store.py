import copy
import json
import pickle
from unittest import mock

import numpy as np
import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import STORE, good_store, lightgbm_text, subject


def check(tmp_path, code, files, **parameters):
    parameters.setdefault("artifacts", STORE)
    return run_check(code, subject(tmp_path, files, version="v1", **parameters))


def with_registry(change):
    files = copy.deepcopy(good_store())
    change(files["store/registry.json"])
    return files


# --- CHK003 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK003")
def test_a_registry_that_agrees(tmp_path):
    result = check(tmp_path, "CHK003", good_store())
    assert_passes(result)
    assert [e.count for e in result.examined] == [1, 2]


@pytest.mark.fails("CHK003")
@pytest.mark.parametrize(
    ("change", "key", "pointer", "severity"),
    [
        (lambda r: r.update(latest="v9"), "latest", "/latest", Severity.CRITICAL),
        (lambda r: r.update(champion="v9"), "champion", "/champion", Severity.CRITICAL),
        (lambda r: r["versions"].append({"version_id": "v0"}), "folder v0", "/versions/1",
         Severity.HIGH),
        (lambda r: r["versions"].append(dict(r["versions"][0])), "repeated v1", "/versions/1",
         Severity.HIGH),
        (lambda r: r["versions"][0].update(horizon=10), "horizon", "/versions/0/horizon",
         Severity.MEDIUM),
        (lambda r: r["versions"][0].update(n_features=125), "n_features",
         "/versions/0/n_features", Severity.MEDIUM),
    ],
)  # fmt: skip
def test_a_registry_that_describes_something_else(tmp_path, change, key, pointer, severity):
    result = check(tmp_path, "CHK003", with_registry(change))
    finding = assert_fails(result, key=key, path="registry.json", pointer=pointer)
    assert finding.severity is severity
    assert len(result.findings) == 1


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"versions": 3}', b'{"versions": [null]}'])
def test_a_registry_of_the_wrong_form_is_not_a_pass(tmp_path, content):
    files = {**good_store(), "store/registry.json": content}
    assert check(tmp_path, "CHK003", files).outcome in (Outcome.NOT_ASSESSED, Outcome.FAIL)


# --- CHK007 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK007")
def test_models_within_registered_versions(tmp_path):
    files = {**good_store(), "store/notes.json": {}, "store/common/vocab.txt": lightgbm_text(["z"])}
    options = {"CHK007": {"shared": ["common/**"]}}
    assert_passes(check(tmp_path, "CHK007", files, options=options))


@pytest.mark.parametrize("folder", [".", "/"])
def test_a_version_that_is_the_whole_store_owns_every_model(tmp_path, folder):
    files = {**good_store(), "store/stray.txt": lightgbm_text(["z"])}
    result = check(tmp_path, "CHK007", files, artifacts={**STORE, "version_dir": folder})
    assert not result.findings
    assert result.examined[0].count == 2


@pytest.mark.fails("CHK007")
def test_models_that_no_version_owns(tmp_path):
    files = {**good_store(), "store/old.txt": lightgbm_text(["z"])}
    files |= {f"store/v9/{n}.txt": lightgbm_text([n]) for n in "abcde"}
    result = check(tmp_path, "CHK007", files)
    flat = assert_fails(result, path=".", key="orphans", severity=Severity.MEDIUM)
    assert flat.message.endswith("belongs to no registered version: old.txt")
    stale = assert_fails(result, path="v9")
    assert stale.measured == "5 files"
    assert stale.message.endswith("d.txt and 1 more")


# --- CHK008 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK008")
def test_different_models_and_equal_notes(tmp_path):
    files = {**good_store(), "store/v1/other.txt": lightgbm_text(["z"])}
    files |= {"store/v1/note.json": {"a": 1}, "store/note.json": {"a": 1}}
    assert_passes(check(tmp_path, "CHK008", files))


@pytest.mark.fails("CHK008")
def test_a_model_under_two_names(tmp_path):
    files = good_store()
    files["store/v1/regime0.txt"] = files["store/v1/model.txt"]
    finding = assert_fails(check(tmp_path, "CHK008", files), path="v1/regime0.txt")
    assert finding.key == "v1/model.txt"
    assert finding.message == "v1/regime0.txt is byte for byte v1/model.txt"


# --- CHK009 ---------------------------------------------------------------------------------------
def pickled(version="1.8.0"):
    """A pickle of a scikit-learn scaler that says this version wrote it."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(np.arange(6.0).reshape(3, 2))
    with mock.patch("sklearn.base.__version__", version):
        return pickle.dumps(scaler)


def holding(**declarations):
    files = good_store()
    files["store/v1/scaler.pkl"] = pickled()
    return {**files, **{k.replace("__", "."): v for k, v in declarations.items()}}


@pytest.mark.passes("CHK009")
@pytest.mark.parametrize(
    "declared",
    [
        {"uv__lock": '[[package]]\nname = "scikit-learn"\nversion = "1.8.1"\n'
                     '[[package]]\nname = "numpy"\nversion = "99.0"\n'},
        {"requirements__txt": "scikit_learn==1.8.0  # pinned\nnumpy\n-r other.txt\n"},
        {"pyproject__toml": '[project]\ndependencies = ["scikit-learn>=1.3", "numpy"]\n'},
        {"pyproject__toml": '[project.optional-dependencies]\nml = ["scikit-learn", "numpy"]\n'},
    ],
)  # fmt: skip
def test_environments_that_load_it(tmp_path, declared):
    assert_passes(check(tmp_path, "CHK009", holding(**declared)))


@pytest.mark.fails("CHK009")
@pytest.mark.parametrize(
    ("declared", "key", "severity"),
    [
        ({}, "sklearn undeclared", Severity.MEDIUM),
        ({"requirements__txt": "numpy\n"}, "sklearn undeclared", Severity.MEDIUM),
        ({"requirements__txt": "scikit-learn==1.9.0\nnumpy\n"}, "sklearn locked", Severity.HIGH),
        ({"poetry__lock": '[[package]]\nname = "scikit-learn"\nversion = "1.9.0"\n'
                          '[[package]]\nname = "scikit-learn"\nversion = "1.8.2"\n'
                          '[[package]]\nname = "numpy"\nversion = "99.0"\n'},
         "sklearn locked", Severity.LOW),
        ({"pyproject__toml": '[project]\ndependencies = ["scikit-learn<1.8", "numpy"]\n'},
         "sklearn excluded", Severity.HIGH),
        ({"pyproject__toml": "[project\n"}, "sklearn undeclared", Severity.MEDIUM),
    ],
)  # fmt: skip
def test_environments_that_do_not(tmp_path, declared, key, severity):
    result = check(tmp_path, "CHK009", holding(**declared))
    finding = assert_fails(result, key=key, path="v1/scaler.pkl")
    assert finding.severity is severity
    assert "1 artifact was written by sklearn 1.8.0" in finding.message


def own_class(name):
    """A pickle (protocol 0) of an object of a class of the repository."""
    return f"ccopy_reg\n_reconstructor\n(c{name}\nc__builtin__\nobject\nNtR.".encode()


@pytest.mark.fails("CHK009")
def test_a_class_that_the_source_no_longer_defines(tmp_path):
    files = good_store()
    files |= {"pkg/__init__.py": "", "pkg/core.py": "class Kept: ...\n"}
    files["store/v1/kept.pkl"] = own_class("pkg.core\nKept")
    files["store/v1/gone.pkl"] = own_class("pkg.core\nGone")
    result = check(tmp_path, "CHK009", files)
    finding = assert_fails(result, key="pkg.core.Gone", path="v1/gone.pkl")
    assert (
        finding.message
        == "1 artifacts hold objects of pkg.core.Gone, which the source does not define"
    )
    assert len(result.findings) == 1


@pytest.mark.passes("CHK009")
def test_a_store_of_plain_files_needs_no_library(tmp_path):
    assert_passes(check(tmp_path, "CHK009", good_store()))


# --- SEC001 lives in tests/mutants/security; its malformed files here, beside the store -----------
@pytest.mark.parametrize(
    "content", [b"\x80\x04", b"\x80\x04c", b"\x00" * 9, json.dumps([1]).encode()]
)
def test_odd_files_crash_no_check(tmp_path, content):
    files = {**good_store(), "store/v1/odd.pkl": content}
    made = subject(tmp_path, files, version="v1", artifacts=STORE)
    for code in [f"CHK00{n}" for n in range(1, 10)] + ["SEC001"]:
        assert run_check(code, made).outcome is not Outcome.ERROR
