import copy

import pytest

from audit_lib.errors import ParameterError
from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import STORE, good_store, subject

FILES = {
    **good_store(),
    "rules.py": "BASE = 2\nHOLD = BASE + 3\nNAMES = ('a', 'b')\nWILD = print\n\n\n"
    "class Rules:\n    max_age: int = 400\n",
    "store/v1/decisions.json": {"live": {"enter": 0.4, "names": ["x", "y"]}},
}
FILES["store/v1/meta.json"]["targets"] = {"up": {"horizon": 5}, "down": {"horizon": 5}}
CONTRACT = {
    "title": "prose",
    "checksums": "SHA-256 of every file",
    "targets": {"up": {"horizon": 5}, "down": {"horizon": 5}},
    "features": {"order": ["a", "b", "c"], "input_dim": 3},
    "decisions": {"live": {"enter": 0.4, "names": ["x", "y"]}},
    "rules": {"hold": 5, "names": ["a", "b"], "max_age": 400, "wild": 1},
}
BINDINGS = {"/features/order": "metadata:/feature_cols"}


def check(tmp_path, contract, files=FILES, bindings=BINDINGS):
    made = subject(
        tmp_path,
        {**files, "contract.json": contract},
        version="v1",
        artifacts=STORE,
        documents={"contract": "contract.json"},
        options={"DOC001": {"bindings": bindings}},
    )
    return run_check("DOC001", made)


def changed(**sections):
    contract = copy.deepcopy(CONTRACT)
    for section, entries in sections.items():
        contract[section].update(entries)
    return contract


@pytest.mark.passes("DOC001")
def test_a_contract_that_says_what_is_there(tmp_path):
    result = check(tmp_path, CONTRACT)
    assert_passes(result)
    assert result.examined[0].count == 9
    rows = {r[0]: r[3] for r in result.evidence[0].rows}
    assert rows["/title"] == rows["/checksums"] == rows["/rules/wild"] == "not compared"
    assert rows["/rules/hold"] == "rules.py HOLD"


@pytest.mark.fails("DOC001")
@pytest.mark.parametrize(
    ("section", "entry", "pointer", "said"),
    [
        ("targets", {"up": {"horizon": 10}}, "/targets/up/horizon",
         "the contract says 10, v1/meta.json /targets/up/horizon says 5"),
        ("features", {"input_dim": 4}, "/features/input_dim",
         "the contract says 4, v1/meta.json /input_dim says 3"),
        ("features", {"order": ["b", "a", "c"]}, "/features/order",
         "the contract says ['b', 'a', 'c'], v1/meta.json /feature_cols has the same entries in "
         "another order"),
        ("features", {"order": ["a", "b", "d"]}, "/features/order",
         "the contract says ['a', 'b', 'd'], v1/meta.json /feature_cols lacks ['d'] and has ['c'] "
         "besides"),
        ("decisions", {"live": {"enter": 0.5}}, "/decisions/live/enter",
         "the contract says 0.5, decisions file /live/enter says 0.4"),
        ("rules", {"hold": 6}, "/rules/hold", "the contract says 6, rules.py HOLD says 5"),
        ("rules", {"max_age": "400"}, "/rules/max_age",
         "the contract says '400', rules.py default of max_age says 400"),
    ],
)  # fmt: skip
def test_a_contract_that_says_something_else(tmp_path, section, entry, pointer, said):
    result = check(tmp_path, changed(**{section: entry}))
    finding = assert_fails(result, pointer=pointer, path="contract.json")
    assert finding.message == said
    assert len(result.findings) == 1


@pytest.mark.fails("DOC001")
def test_entries_that_only_one_side_has(tmp_path):
    contract = copy.deepcopy(CONTRACT)
    contract["targets"]["flat"] = contract["targets"].pop("down")
    result = check(tmp_path, contract)
    assert "'down', which the contract does not name" in assert_fails(
        result, key="/targets down"
    ).message  # fmt: skip
    assert_fails(result, key="/targets flat", pointer="/targets/flat")


def test_bindings_that_lead_nowhere_are_gaps(tmp_path):
    for bindings in (
        {"/gone": "metadata:/version"},
        {"/title": "metadata:/gone"},
        {"/title": "code:rules.py::WILD"},
        {"/title": "code:gone.py::X"},
        {"/title": "nonsense"},
    ):
        result = check(tmp_path / str(hash(str(bindings))), CONTRACT, bindings=bindings)
        assert (result.outcome, len(result.gaps)) == (Outcome.NOT_ASSESSED, 1)


@pytest.mark.parametrize("contract", [[], {}, {"title": "prose"}, b"{"])
def test_a_contract_with_nothing_to_compare_is_not_a_pass(tmp_path, contract):
    assert check(tmp_path, contract, bindings={}).outcome is Outcome.NOT_ASSESSED


ELSEWHERE = {
    **FILES,
    "store/v1/scaler.json": {"mad": [1.0, 2.0]},
    "config/policies.yaml": "regimes: {calm: 0, wild: 1}\n",
}
FILE_BINDINGS = {
    "/scale": "scaler.json#/mad",
    "/regimes": "keys:config/policies.yaml#/regimes",
    "/wild": "config/policies.yaml#/regimes/wild",
}


@pytest.mark.passes("DOC001")
def test_bindings_lead_into_any_file(tmp_path):
    contract = {"scale": [1.0, 2.0], "regimes": ["calm", "wild"], "wild": 1}
    result = check(tmp_path, contract, ELSEWHERE, FILE_BINDINGS)
    assert_passes(result)
    assert {r[3] for r in result.evidence[0].rows} == {
        "v1/scaler.json /mad",
        "keys of config/policies.yaml /regimes",
        "config/policies.yaml /regimes/wild",
    }


@pytest.mark.fails("DOC001")
def test_a_policy_beside_the_code_says_something_else(tmp_path):
    contract = {"scale": [1.0, 2.0], "regimes": ["calm"], "wild": 2}
    result = check(tmp_path, contract, ELSEWHERE, FILE_BINDINGS)
    assert {f.key for f in result.findings} == {"/regimes", "/wild"}
    assert assert_fails(result, key="/wild").measured == "1"


@pytest.mark.parametrize("target", ["metadata:", "scaler.json#", ""])
def test_a_binding_that_leads_to_no_value_is_an_error(tmp_path, target):
    with pytest.raises(ParameterError, match="leads to no value"):
        check(tmp_path, CONTRACT, bindings={"/rules/hold": target})


@pytest.mark.fails("DOC001")
@pytest.mark.passes("DOC001")
def test_settings_and_the_order_of_columns_need_no_binding(tmp_path):
    files = {**FILES, "config/limits.yaml": {"entry": {"p_enter": 0.6}, "width": 3}}
    right = {"features": {"order": ["a", "b", "c"]}, "limits": {"p_enter": 0.6}}
    result = check(tmp_path / "a", right, files, {})
    assert_passes(result)
    assert result.examined[0].count == 2
    wrong = {"features": {"order": ["a", "c", "b"]}, "limits": {"p_enter": 0.65}}
    result = check(tmp_path / "b", wrong, files, {})
    assert {f.key for f in result.findings} == {"/features/order", "/limits/p_enter"}
    found = assert_fails(result, key="/limits/p_enter")
    assert found.message == "the contract says 0.65, config/limits.yaml says 0.6"
    files["config/paper.yaml"] = {"p_enter": 0.7}  # of two values neither is the one
    assert check(tmp_path / "c", {"limits": {"p_enter": 0.65}}, files, {}).outcome is (
        Outcome.NOT_ASSESSED
    )
