"""Nothing that a document, registry or metadata file may hold crashes a static check."""

import json

import pytest
import yaml

from audit_lib.checks.catalogue import CATALOGUE
from audit_lib.errors import AuditError
from audit_lib.model import Outcome
from audit_lib.testing import run_check
from tests.made_repo import STORE, good_store, subject

#: they read code alone, some in a process of its own; their tests are their own
NO_DOCUMENT = ("BND006", "BND008", "BND009", "BND010", "BND011", "BND012", "SEC002")
CODES = [
    code
    for code in CATALOGUE
    if (code[:3] in ("LED", "BND", "DOC", "SEC") or code.startswith("CHK0"))
    and code < "LED9"
    and code not in NO_DOCUMENT
] + ["SEC001"]
VALUES = [
    None, True, 0, -1, 1e308, "", "x", "../../etc", "/etc", "\x00", [], [[]], [None, 1, "x", {}],
    {}, {"": None}, {"x": {"x": {}}}, {"files": [1]}, [{"id": []}], {"version_id": {}},
]  # fmt: skip
PLACES = {
    "meta.json": ("feature_cols", "input_dim", "heads", "version", "run", "scaler", "checksums",
                  "schema_hash", "folds", "targets"),
    "registry.json": ("versions", "latest", "champion"),
    "map.json": ("subsystems", "files"),
    "edges.json": ("edges",),
    "contract.json": ("heads", "scaler", "m"),
    "contracts.yaml": ("boundaries",),
}  # fmt: skip
ROW = {
    "id": "x", "provider_module": "m", "consumer_module": "n", "symbols": [
        {"name": "x", "defined_in": "m.py", "imported_by": "n.py"}
    ],
}  # fmt: skip


def files():
    made = good_store()
    made |= {"n.py": "from m import x\nimport json\njson.load(open('meta.json'))['x']\n"}
    made |= {
        "map.json": {"subsystems": {"a": {"files": ["m.py"], "total_lines": 1}}},
        "edges.json": {"edges": [{"source_file": "n.py", "target_file": "m.py"}]},
        "contract.json": {"heads": {"return": 0}},
        "contracts.yaml": yaml.safe_dump({"boundaries": [ROW]}),
    }
    return made


def check_all(tmp_path, made):
    try:
        found = subject(
            tmp_path,
            made,
            version="v1",
            artifacts=STORE,
            documents={"map": "map.json", "edges": "edges.json", "contract": "contract.json",
                       "boundaries": "contracts.yaml"},
        )  # fmt: skip
    except AuditError:
        return
    for code in CODES:
        result = run_check(code, found)
        crashed = result.outcome is Outcome.ERROR and "crashed" in result.reason
        assert not crashed, (code, result.reason)


@pytest.mark.parametrize(("file", "key"), [(f, k) for f, keys in PLACES.items() for k in keys])
def test_any_value_anywhere(tmp_path, file, key):
    for number, value in enumerate(VALUES):
        made = files()
        path = f"store/v1/{file}" if file == "meta.json" else file
        path = f"store/{file}" if file == "registry.json" else path
        data = made[path]
        if isinstance(data, str):
            made[path] = yaml.safe_dump({key: value}) if value != "\x00" else f"{key}: x"
        else:
            made[path] = json.dumps({**data, key: value})
        check_all(tmp_path / str(number), made)


@pytest.mark.parametrize("field", sorted({*ROW, "shared_artifacts", "boundary_risk"}))
def test_any_value_in_a_boundary(tmp_path, field):
    for number, value in enumerate(VALUES):
        made = files()
        made["contracts.yaml"] = json.dumps({"boundaries": [{**ROW, field: value}]})
        check_all(tmp_path / f"a{number}", made)
        symbol = {**ROW["symbols"][0], "constructor_params": value, "key_methods": value,
                  "signature": value, "current_value": value, "import_type": value}  # fmt: skip
        artifact = {"path": value, "writer": value, "readers": value, "schema_fields": value}
        row = {**ROW, "symbols": [symbol, value], "shared_artifacts": [artifact, value]}
        made["contracts.yaml"] = json.dumps({"boundaries": [row]})
        check_all(tmp_path / f"b{number}", made)
