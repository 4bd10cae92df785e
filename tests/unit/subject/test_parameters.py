"""Errors in subject.yaml name the file, the key and the mend."""

import pytest

from audit_lib.errors import ParameterError
from audit_lib.subject.parameters import load_parameters


def write(folder, text):
    (folder / "subject.yaml").write_text(text)
    return folder


def message(folder, text):
    with pytest.raises(ParameterError) as caught:
        load_parameters(write(folder, text))
    assert str(folder / "subject.yaml") in str(caught.value)
    return str(caught.value)


def test_a_minimal_subject_has_defaults(tmp_path):
    parameters = load_parameters(write(tmp_path, "subject: mine\n"))
    assert parameters.subject == "mine"
    assert parameters.artifacts is None
    assert parameters.source.subsystem.files == ("**/*.py",)


def test_a_misspelt_key_gets_the_nearest_one(tmp_path):
    text = message(tmp_path, "subject: mine\nsource: {pakage: x}\n")
    assert "key 'source.pakage' is not known; did you mean 'package'?" in text


def test_a_misspelt_key_at_the_top(tmp_path):
    assert "did you mean 'artifacts'?" in message(
        tmp_path, "subject: mine\nartefacts: {store: x}\n"
    )


def test_a_missing_key(tmp_path):
    assert "key 'artifacts.store' is missing" in message(tmp_path, "subject: m\nartifacts: {}\n")


def test_a_value_of_another_type_is_shown(tmp_path):
    assert "key 'limits.seconds'" in message(tmp_path, "subject: m\nlimits: {seconds: soon}\n")


def test_a_list_where_names_are_wanted_is_told_so(tmp_path):
    with pytest.raises(ParameterError, match="key 'documents': write a mapping, `name: value`"):
        load_parameters(write(tmp_path, "subject: a\ndocuments: [README.md]\n"))


def test_a_surface_that_does_not_exist(tmp_path):
    text = message(tmp_path, "subject: m\nabsent: {neurall: none}\n")
    assert "no surface, hook or document is called 'neurall'" in text
    assert "neural" in text


@pytest.mark.parametrize("name", ["../x", "a b", "", "1x", "x" * 65])
def test_a_name_that_is_no_folder_name(tmp_path, name):
    assert "'subject'" in message(tmp_path, f"subject: {name!r}\n")


@pytest.mark.parametrize("text", ["subject: [\n", "\tsubject: x\n", "- subject\n", ""])
def test_what_is_not_a_mapping_in_yaml(tmp_path, text):
    assert message(tmp_path, text)


def test_bytes_that_are_not_text(tmp_path):
    (tmp_path / "subject.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParameterError, match="not valid YAML"):
        load_parameters(tmp_path)


def test_a_pointer_begins_with_a_slash(tmp_path):
    text = "subject: m\nartifacts: {store: s, registry: {latest: latest}}\n"
    assert "artifacts.registry.latest" in message(tmp_path, text)


def test_no_file(tmp_path):
    with pytest.raises(ParameterError, match=r"no subject\.yaml"):
        load_parameters(tmp_path)
