import pytest
import yaml

from audit_lib.errors import ParameterError
from audit_lib.model import Outcome, Severity, Verdict
from audit_lib.probes.code.boundaries.verdicts import boundary_verdicts, declared_boundaries
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

FILES = {
    "models/__init__.py": "",
    "models/core.py": "from dataclasses import dataclass\n\nHORIZON = 5\nKIND: str = 'log'\n\n\n"
    "@dataclass\nclass Config:\n    name: str\n    depth: int = 3\n\n\n"
    "class Model:\n    def __init__(self, store, version=None):\n        pass\n\n"
    "    def predict(self, rows, *, scale=1.0) -> float:\n        return 0.0\n\n\n"
    "def rank(values, top=10):\n    return values\n",
    "api/__init__.py": "",
    "api/serve.py": "from models.core import HORIZON, KIND, Config, Model\n\n\n"
    "def late():\n    from models.core import rank\n    return rank\n",
    "out/meta.json": {"heads": 1, "columns": 2},
}
SOURCE = {"subsystem": {"files": ["models/*.py"]}}


def symbol(name, **facts):
    return {
        "name": name, "defined_in": "models/core.py", "imported_by": "api/serve.py",
        "import_type": "top_level", **facts,
    }  # fmt: skip


DECLARED = {
    "boundaries": [
        {
            "id": "api_to_models_1",
            "provider_module": "models",
            "consumer_module": "api",
            "boundary_risk": "HIGH",
            "symbols": [
                symbol("HORIZON", current_value="5"),
                symbol("KIND", current_value="log"),
                symbol("Config", constructor_params=[{"name": "name"}, {"name": "depth"}]),
                symbol(
                    "Model",
                    constructor_params=[{"name": "store"}, {"name": "version"}],
                    key_methods=[
                        {"name": "predict", "signature": "def predict(self, rows, *, scale=1.0)"}
                    ],
                ),
                symbol("rank", import_type="lazy", signature="def rank(values, top: int = 10)"),
                symbol("HORIZON, KIND, and 2+ constants", import_type="mixed (top_level + lazy)"),
            ],
            "shared_artifacts": [
                {
                    "path": "out/*.json",
                    "writer": "models/core.py",
                    "readers": ["api/serve.py"],
                    "schema_fields": ["heads"],
                }
            ],
        }
    ]
}


def made(tmp_path, files=FILES, declared=DECLARED, own=None):
    return subject(
        tmp_path,
        {**files, "contracts.yaml": yaml.safe_dump(declared)},
        own=own,
        source=SOURCE,
        documents={"boundaries": "contracts.yaml"} if declared else {},
    )


def changed(old, new):
    text = FILES["models/core.py"]
    assert old in text
    return {**FILES, "models/core.py": text.replace(old, new)}


@pytest.mark.passes("BND003")
def test_a_boundary_as_declared(tmp_path):
    found = made(tmp_path)
    result = run_check("BND003", found)
    assert_passes(result)
    assert result.findings == ()
    assert result.examined[0].count == 1
    (verdict,) = boundary_verdicts(found, [result, run_check("BND001", found)])
    assert (verdict.boundary, verdict.risk, verdict.verdict) == (
        "api_to_models_1", "high", Verdict.KEPT,
    )  # fmt: skip
    assert verdict.reason == "7 symbols and 1 artifact are as declared"


@pytest.mark.fails("BND003")
@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ("HORIZON = 5", "HORIZON = 6", "HORIZON value", "HORIZON is 6, declared 5"),
        ("depth: int = 3", "width: int = 3", "Config constructor",
         "Config() has no parameter 'depth'; takes 'width', which is not declared"),
        ("store, version", "version", "Model constructor", "Model() has no parameter 'store'"),
        ("def predict(", "def forecast(", "Model.predict method", "Model has no method predict"),
        ("scale=1.0", "scale=2.0", "Model.predict signature",
         "Model.predict: default of 'scale' is 2.0, declared 1.0"),
        ("rank(values, top=10)", "rank(top=10, values=None)", "rank signature",
         "rank: parameter 'values' is declared required and has a default; "
         "parameters stand in another order: top, values"),
        ("rank(values, top=10)", "rank(values, top)", "rank signature",
         "rank: parameter 'top' has become required"),
        ("def rank(", "def order(", "rank defined", "rank is not defined in models/core.py"),
    ],
)  # fmt: skip
def test_what_departs_from_its_declaration(tmp_path, old, new, key, said):
    found = made(tmp_path, changed(old, new))
    result = run_check("BND003", found)
    finding = assert_fails(result, key=f"api_to_models_1: {key}")
    assert finding.message == f"api_to_models_1: {said}"
    assert finding.severity is Severity.HIGH
    assert finding.location.path == "contracts.yaml"
    assert len(result.findings) == 1
    (verdict,) = boundary_verdicts(found, [result])
    assert verdict.verdict is Verdict.BROKEN
    assert verdict.findings == (finding.fingerprint,)


@pytest.mark.passes("BND003")
def test_a_new_optional_parameter_only_informs(tmp_path):
    result = run_check("BND003", made(tmp_path, changed("top=10", "top=10, ties='first'")))
    assert_passes(result)
    assert [f.severity for f in result.findings] == [Severity.INFO]


@pytest.mark.fails("BND003")
def test_consumers_that_import_otherwise_than_declared(tmp_path):
    files = {**FILES, "api/serve.py": "from models.core import HORIZON, KIND, rank, Model\n"}
    result = run_check("BND003", made(tmp_path, files))
    assert assert_fails(result, key="api_to_models_1: Config imported").severity is Severity.MEDIUM
    assert assert_fails(result, key="api_to_models_1: rank type").severity is Severity.LOW
    assert len(result.findings) == 2


@pytest.mark.fails("BND003")
def test_shared_artifacts_without_field_or_reader(tmp_path):
    files = {k: v for k, v in FILES.items() if k != "api/serve.py"}
    declared = {"boundaries": [{**DECLARED["boundaries"][0], "symbols": []}]}
    files["out/meta.json"] = {"columns": 2}
    result = run_check("BND003", made(tmp_path, files, declared))
    field = assert_fails(result, key="api_to_models_1: out/meta.json fields")
    assert field.message == "api_to_models_1: out/meta.json lacks declared fields: heads"
    assert_fails(result, key="api_to_models_1: out/*.json reader api/serve.py")


@pytest.mark.passes("BND003")
def test_undeclared_pairs_are_listed(tmp_path):
    files = {**FILES, "tool/x.py": "from models.core import rank\n"}
    result = run_check("BND003", made(tmp_path, files))
    assert_passes(result)
    (listed,) = result.findings
    assert (listed.key, listed.severity) == ("undeclared tool models", Severity.INFO)


OWN = """
boundaries:
  serve_to_core:
    risk: high
    consumer: api
    provider: models/core.py
    symbols:
      HORIZON: {value: 5}
      Model: {constructor: [store, version], methods: {predict: "(self, rows, *, scale=1.0)"}}
      rank: {in: models/core.py, by: api/serve.py, type: lazy, signature: "(values, top=10)"}
    artifacts:
      - {path: "out/*.json", writer: models/core.py, readers: [api/serve.py], fields: [heads]}
    checks: ["INT*"]
"""


@pytest.mark.passes("BND003")
def test_our_own_form(tmp_path):
    found = made(tmp_path, declared=None, own={"boundaries.yaml": OWN})
    assert_passes(run_check("BND003", found))


@pytest.mark.fails("BND003")
def test_our_own_form_departs_too(tmp_path):
    found = made(
        tmp_path, changed("HORIZON = 5", "HORIZON = 4 + 2"), None, {"boundaries.yaml": OWN}
    )
    assert_passes(run_check("BND003", found))  # computed: told in the table, not judged
    found = made(tmp_path / "b", changed("HORIZON = 5", "HORIZON = 7"), None,
                 {"boundaries.yaml": OWN})  # fmt: skip
    finding = assert_fails(run_check("BND003", found), key="serve_to_core: HORIZON value")
    assert (finding.location.base, finding.location.path) == ("parameters", "boundaries.yaml")


def test_checks_that_a_boundary_names_decide_its_verdict(tmp_path):
    from tests.made_up import finding, result

    found = made(tmp_path, declared=None, own={"boundaries.yaml": OWN})
    own = [run_check("BND001", found), run_check("BND003", found)]
    behaves = finding("HED001")
    wrong = result("HED001", Outcome.FAIL, findings=(behaves,))
    assert boundary_verdicts(found, own)[0].reason == "INT* did not run"
    text = OWN.replace("INT*", "HED*")
    found = made(tmp_path / "b", declared=None, own={"boundaries.yaml": text})
    verdicts = {
        outcome: boundary_verdicts(found, [*own, result("HED001", outcome)])[0].verdict
        for outcome in (Outcome.PASS, Outcome.NOT_ASSESSED, Outcome.ERROR, Outcome.NOT_APPLICABLE)
    }
    assert verdicts == {
        Outcome.PASS: Verdict.KEPT,
        Outcome.NOT_ASSESSED: Verdict.INCONCLUSIVE,
        Outcome.ERROR: Verdict.INCONCLUSIVE,
        Outcome.NOT_APPLICABLE: Verdict.KEPT,
    }
    (broken,) = boundary_verdicts(found, [*own, wrong])
    assert (broken.verdict, broken.findings) == (Verdict.BROKEN, (behaves.fingerprint,))


def test_an_import_that_cannot_succeed_breaks_its_boundary(tmp_path):
    text = "def f():\n    try:\n        from models.core import GONE\n    except ImportError:\n"
    text += "        pass\n"
    found = made(tmp_path, {**FILES, "api/extra.py": text})
    results = [run_check("BND001", found), run_check("BND003", found)]
    (verdict,) = boundary_verdicts(found, results)
    assert verdict.verdict is Verdict.BROKEN
    assert verdict.reason.startswith("`from models.core import GONE`")


def test_without_its_checks_a_boundary_is_inconclusive(tmp_path):
    (verdict,) = boundary_verdicts(made(tmp_path), [])
    assert (verdict.verdict, verdict.reason) == (Verdict.INCONCLUSIVE, "BND003 did not run")


def test_modules_may_be_set_apart_by_commas(tmp_path):
    row = {"id": "x", "provider_module": "models, data", "consumer_module": "api"}
    (found,) = declared_boundaries(made(tmp_path, declared={"boundaries": [row]}))
    assert (found.provider, found.consumer) == (("models", "data"), ("api",))


def test_a_declaration_that_names_nothing_is_a_gap(tmp_path):
    empty = {"boundaries": [{"id": "x", "provider_module": "models", "consumer_module": "api"}]}
    found = made(tmp_path, declared=empty)
    result = run_check("BND003", found)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert boundary_verdicts(found, [result])[0].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "declared", [{"boundaries": 3}, [], {"boundaries": [{"id": "x", "symbols": 3}, None]}]
)
def test_a_document_of_the_wrong_form_is_not_a_pass(tmp_path, declared):
    assert run_check("BND003", made(tmp_path, declared=declared)).outcome is Outcome.NOT_ASSESSED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("boundaries: []\n", "holds no mapping `boundaries`"),
        ("[1, 2]\n", "holds no mapping `boundaries`"),
        ("boundaries: {a: {riks: high}}\n",
         "key 'boundaries.a.riks' is not known; did you mean 'risk'?"),
        ("boundaries: {a: {risk: huge}}\n", "key 'boundaries.a.risk': Input should be"),
        ("boundaries: {a: {symbols: {f: {sig: x}}}}\n",
         "key 'boundaries.a.symbols.f.sig' is not known; known keys: in, by, type, signature"),
        ("boundaries: {a: {symbols: {f: {signatur: x}}}}\n", "did you mean 'signature'?"),
        ("boundaries: {a: {symbols: [f, g]}}\n", "key 'boundaries.a.symbols'"),
        ("boundaries: {a: {symbols: {f: {type: sometimes}}}}\n", "boundaries.a.symbols.f.type.0"),
        ("boundaries: {a: {artifacts: [{path: x, writr: y}]}}\n", "did you mean 'writer'?"),
        ("boundaries: {a: {artifacts: [{writer: y}]}}\n",
         "key 'boundaries.a.artifacts.0.path' is missing"),
        ("boundaries: {a: {checks: 3}}\n", "key 'boundaries.a.checks'"),
        ("boundaries: {a: 3}\n", "key 'boundaries.a'"),
        ("boundaries: {a: }\n", "key 'boundaries.a'"),
        ("bounds: {}\nboundaries: {}\n", "key 'bounds' is not known"),
        ("boundaries: {a: [\n", "does not parse"),
    ],
)  # fmt: skip
def test_mistakes_in_our_own_form_are_told(tmp_path, text, message):
    with pytest.raises(ParameterError) as error:
        declared_boundaries(made(tmp_path, declared=None, own={"boundaries.yaml": text}))
    assert message in str(error.value)
    assert "boundaries.yaml" in error.value.where
    assert error.value.mend


@pytest.mark.passes("BND003")
def test_pairs_within_the_subsystem_are_no_boundary_of_it(tmp_path):
    found = subject(
        tmp_path,
        {**FILES, "contracts.yaml": yaml.safe_dump(DECLARED), "tool/x.py": "import models.core\n"},
        documents={"boundaries": "contracts.yaml"},
    )
    result = run_check("BND003", found)
    assert_passes(result)
    assert result.findings == ()


# --- notes ----------------------------------------------------------------------------------------
def noted(tmp_path, note):
    (row,) = DECLARED["boundaries"]
    # an import of the provider by somebody else is no edge of the boundary
    files = {**FILES, "jobs/__init__.py": "", "jobs/own.py": "from models.core import rank\n"}
    return made(tmp_path, files, {"boundaries": [{**row, "audit_notes": note}]})


@pytest.mark.passes("BND003")
@pytest.mark.parametrize(
    "note",
    [
        "2 import edges. models/core.py:3 holds the constants.",
        "2 edges, all lazy or top-level.",
        "All top-level except rank, which is lazy. api/serve.py:1 imports 4 names.",
        "Verify all lazy imports can resolve at runtime.",
    ],
)
def test_a_note_that_says_what_is(tmp_path, note):
    found = noted(tmp_path, note)
    results = [run_check("BND003", found), run_check("BND001", found)]
    assert_passes(results[0])
    assert boundary_verdicts(found, results)[0].verdict is Verdict.KEPT


@pytest.mark.fails("BND003")
@pytest.mark.parametrize(
    ("note", "key", "said"),
    [
        ("14 import edges to models.", "edges", "its note counts 14 import edges, there are 2"),
        ("Single top-level import.", "edges", "its note counts 1 import edges, there are 2"),
        ("All imports are top-level.", "types", "calls all imports top_level: api/serve.py:5 is"),
        ("See models/core.py:1868.", "place models/core.py", "names models/core.py:1868: 22 lines"),
        ("See core/gone.py:3.", "place core/gone.py", "names core/gone.py:3: no such file"),
    ],
)
def test_a_note_that_is_contradicted_breaks_its_boundary(tmp_path, note, key, said):
    found = noted(tmp_path, note)
    results = [run_check("BND003", found), run_check("BND001", found)]
    finding = assert_fails(results[0], key=f"api_to_models_1: note {key}", severity=Severity.LOW)
    assert said in finding.message
    assert boundary_verdicts(found, results)[0].verdict is Verdict.BROKEN


def test_a_demand_that_no_named_check_judges_is_not_kept(tmp_path):
    note = "2 import edges. Verify that every column of predict is known to the pipeline."
    found = noted(tmp_path, note)
    results = [run_check("BND003", found), run_check("BND001", found)]
    (verdict,) = boundary_verdicts(found, results)
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert verdict.reason.endswith("Verify that every column of predict is known to the pipeline.")
