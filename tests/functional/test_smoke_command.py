"""``workbook smoke``, ``workbook check``, and what gates leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit_lib.cli.gate import check, gate, smoke
from audit_lib.errors import ParameterError
from audit_lib.gates import NUMBERED, SMOKE, smoke_named


@pytest.mark.parametrize("full", NUMBERED)
def test_a_smoke_check_goes_by_number_by_name_and_by_both(full: str):
    number, _, name = full.partition("_")
    codes = {smoke_named(said).codes for said in (full, number, number.lstrip("0"), name)}
    assert codes == {SMOKE[name]}


def test_all_are_the_seven_in_the_order_of_the_plan():
    assert [n[:2] for n in NUMBERED] == ["01", "02", "03", "04", "05", "06", "07"]
    assert set(smoke_named("all").codes) == {c for codes in SMOKE.values() for c in codes}


@pytest.mark.parametrize("name", ["", "0", "8", "1_checkpoint", "backtest"])
def test_another_name_is_one_message_with_all_names(name: str):
    with pytest.raises(ParameterError, match="no smoke check is called") as caught:
        smoke_named(name)
    assert "07_feature_pipeline_parity" in str(caught.value)


def test_all_seven_are_told_and_the_broken_ones_named():
    done = CliRunner().invoke(smoke, ["all", "reference_engine", "--version", "2022-03rc"])
    assert done.exit_code == 1
    assert "✗ 02_feature_schema_alignment  broken" in done.output
    assert "✓ 06_ruleset_execution_smoke  kept" in done.output


def test_live_leaves_a_manifest_and_train_the_metadata_of_the_checkpoint(tmp_path: Path):
    asked = ["reference_engine", "--version", "2020-12", "--to", str(tmp_path)]
    assert CliRunner().invoke(gate, ["train", *asked]).exit_code == 0
    manifest = json.loads((tmp_path / "run_manifest.json").read_text())
    assert (manifest["gate"], manifest["version"], manifest["verdict"]) == (
        "train",
        "2020-12",
        "kept",
    )
    assert manifest["roles"] == ["champion"]
    assert {c["outcome"] for c in manifest["checks"]} == {"pass"}
    assert len(manifest["digests"]["source"]) == 64
    assert str(tmp_path) not in json.dumps(manifest)
    kept = json.loads((tmp_path / "checkpoint_metadata.json").read_text())
    assert kept["fields"]["input_dim"] == len(kept["fields"]["feature_cols"]) == 14
    assert len(kept["fields"]["scaler_center"]) == 14
    assert kept["sources"]["input_dim"] == "2020-12/meta.json#/input_dim"
    assert kept["missing"] == {}


@pytest.mark.slow
def test_a_broken_gate_says_so_in_its_manifest(tmp_path: Path):
    asked = ["live", "reference_engine", "--version", "2022-03rc", "--to", str(tmp_path)]
    assert CliRunner().invoke(gate, asked).exit_code == 1
    manifest = json.loads((tmp_path / "run_manifest.json").read_text())
    assert manifest["verdict"] == "broken"
    findings = [f for c in manifest["checks"] for f in c["findings"]]
    assert findings
    assert all(len(f["fingerprint"]) == 20 for f in findings)


def test_checks_run_by_their_codes_and_by_the_beginning_of_several():
    asked = ["reference_engine", "chk002", "CHK00", "FEA002", "--version"]
    kept = CliRunner().invoke(check, [*asked, "2020-12"])
    assert kept.exit_code == 0, kept.output
    broken = CliRunner().invoke(check, [*asked, "2022-03rc"])
    assert broken.exit_code == 1
    assert "FEA002" in broken.output
    assert "CHK002" in broken.output


def test_a_code_that_nothing_has_is_one_message():
    with pytest.raises(ParameterError, match="no check is called 'FEA999'"):
        CliRunner().invoke(check, ["reference_engine", "FEA999"], catch_exceptions=False)
