from __future__ import annotations

import types
from pathlib import Path

import pytest

from audit_lib.errors import ParameterError
from audit_lib.workbook.parameters import from_namespace


def ipython(**names: object) -> dict[str, object]:
    """What a kernel's namespace holds beside the parameters."""
    noise = {"In": [""], "Out": {}, "exit": object(), "_i1": "x", "__name__": "__main__"}
    return {**noise, "Workbook": type, "np": types, **names}


def test_known_names_are_taken() -> None:
    found = from_namespace(ipython(subject="toy", version="v1", root=Path("/x")), "T2")

    assert (found.subject, found.version, found.root, found.run_id) == ("toy", "v1", "/x", "")


def test_a_misspelt_name_is_an_error_that_names_the_right_one() -> None:
    with pytest.raises(ParameterError) as caught:
        from_namespace(ipython(subject="toy", verison="v1"), "notebook T2")

    assert caught.value.message == "unknown parameter 'verison'"
    assert caught.value.mend == (
        "did you mean 'version'? known parameters: "
        "subject, version, root, reports, run_id, select, ignore, fail_on"
    )


def test_an_unknown_name_is_an_error_whatever_it_is_called() -> None:
    with pytest.raises(ParameterError, match="unknown parameter 'budget'"):
        from_namespace(ipython(subject="toy", budget=3), "T2")


def test_papermills_own_names_are_no_parameters() -> None:
    assert from_namespace(ipython(subject="toy", PAPERMILL_INPUT_PATH="a.ipynb"), "T2").version


def test_after_the_first_opening_a_persons_own_names_are_left_alone() -> None:
    namespace = ipython(subject="toy", version="v1")
    from_namespace(namespace, "T2")
    namespace["budget"] = 3

    assert from_namespace(namespace, "T2").version == "v1"


def test_after_the_first_opening_a_misspelt_name_is_still_an_error() -> None:
    namespace = ipython(subject="toy", version="v1")
    from_namespace(namespace, "T2")
    namespace["vesion"] = "v2"

    with pytest.raises(ParameterError, match="did you mean 'version'"):
        from_namespace(namespace, "T2")


def test_a_version_that_papermill_made_a_number_is_refused() -> None:
    # papermill -p version 1.10 injects the float 1.1, which is another version.
    with pytest.raises(ParameterError, match=r"1\.1, not text.*\n.*-r version"):
        from_namespace(ipython(subject="toy", version=1.1), "T2")


def test_a_missing_subject_is_an_error() -> None:
    with pytest.raises(ParameterError, match="'subject' is missing"):
        from_namespace(ipython(version="v1"), "T2")
