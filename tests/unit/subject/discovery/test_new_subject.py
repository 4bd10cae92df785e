"""What ``workbook new-subject`` says and writes."""

from click.testing import CliRunner

from audit_lib.cli.new_subject import new_subject
from audit_lib.subject.parameters import load_parameters


def test_it_says_what_it_found_and_the_command_that_follows(tmp_path):
    root, place = tmp_path / "checkout", tmp_path / "my place"
    (root / "alpha").mkdir(parents=True)
    (place / "parameters").mkdir(parents=True)
    (place / "notebooks").mkdir()
    (root / "alpha" / "__init__.py").write_text("")
    (root / "alpha" / "fast.pyx").write_text("")
    (root / "alpha" / "labels.py").write_text("def forward_returns(close): return close[1:]\n")
    result = CliRunner().invoke(
        new_subject, [str(root), "--name", "beta", "--workspace", str(place)]
    )
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "2 Python files, 1 lines; package alpha"
    assert "not read, since only Python is: 1 .pyx" in lines
    assert "candidates for 1 hook: targets.build" in lines
    assert lines[-1] == f"next: workbook run beta --workspace '{place}'"
    assert load_parameters(place / "parameters" / "beta").source.package == ""
