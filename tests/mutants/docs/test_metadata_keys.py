import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import STORE, good_store, subject

WRITER = """
import json
from pathlib import Path


def build(columns, scale):
    meta = {"version": "v1", "feature_cols": columns, "scaler": {"mad": scale}}
    meta["heads"] = {h: {"kind": "x"} for h in ("up", "down")}
    meta.update({"horizon": 5})
    return meta


def save(folder: Path, columns, scale):
    with open(folder / "meta.json", "w") as f:
        json.dump(build(columns, scale), f)
"""
READER = """
import json


class Predictor:
    def load(self, folder):
        with open(f"{folder}/meta.json") as f:
            self.meta = json.load(f)
        with open(f"{folder}/other.json") as f:
            self.other = json.load(f)["unrelated"]
        self.columns = self.meta["feature_cols"]
        self.scale = self.meta.get("scaler", {}).get("mad")
        return self._heads(self.meta["heads"], self.meta["version"])

    def _heads(self, heads, version):
        return [head["kind"] for name, head in heads.items()]

    def horizon(self):
        {more}
        return self.meta["horizon"]
"""


def check(tmp_path, more="pass", writer=WRITER, reader=READER, meta=None):
    files = good_store()
    if meta is not None:
        files["store/v1/meta.json"] = meta
    else:
        files["store/v1/meta.json"]["heads"] = {"up": {"kind": "x"}}
    files |= {"pkg/__init__.py": "", "pkg/writer.py": writer}
    files["pkg/reader.py"] = reader.replace("{more}", more)
    return run_check("DOC002", subject(tmp_path, files, version="v1", artifacts=STORE))


@pytest.mark.passes("DOC002")
def test_writer_and_reader_agree(tmp_path):
    result = check(tmp_path)
    assert_passes(result)
    assert result.findings == ()
    table = {row[0]: row[1:4] for row in result.evidence[0].rows}
    assert table["/scaler/mad"] == ("pkg/writer.py:7", "pkg/reader.py:12", "None")
    assert table["/heads/*/kind"][0] == "pkg/writer.py:8"


@pytest.mark.fails("DOC002")
@pytest.mark.parametrize(
    ("more", "key", "severity", "said"),
    [
        ('self.meta["median"]', "/median", Severity.HIGH,
         "reads /median of meta.json, which nothing writes"),
        ('self.meta.get("floor", 0.1)', "/floor", Severity.MEDIUM,
         "reads /floor of meta.json with default 0.1, and nothing writes it, so the default always "
         "holds"),
        ('self.meta["mad"]', "/mad", Severity.HIGH,
         "reads /mad of meta.json, which nothing writes; a field of that name is written at "
         "/scaler/mad"),
        ('self.meta["scaler"]["median"]', "/scaler/median", Severity.HIGH,
         "reads /scaler/median of meta.json, which nothing writes"),
        ('for h in self.meta["heads"].values(): h["unit"]', "/heads/*/unit", Severity.HIGH,
         "reads /heads/*/unit of meta.json, which nothing writes"),
        ('x = self.meta.get("extra") or {}; x.get("deep")', "/extra", Severity.MEDIUM,
         "reads /extra of meta.json with default None, and nothing writes it, so the default "
         "always holds"),
    ],
)  # fmt: skip
def test_a_field_that_nothing_writes(tmp_path, more, key, severity, said):
    result = check(tmp_path, more)
    finding = assert_fails(result, key=key, path="pkg/reader.py", symbol="Predictor.horizon")
    assert (finding.message, finding.severity) == (said, severity)
    assert finding.location.line == 19
    assert len(result.findings) == 1


@pytest.mark.fails("DOC002")
def test_a_version_that_lacks_what_a_reader_needs(tmp_path):
    meta = {"version": "v1", "feature_cols": ["a"], "heads": {"up": {}}, "horizon": 5, "scaler": {}}
    result = check(tmp_path, meta=meta)
    needed = assert_fails(result, key="/heads/up/kind", pointer="/heads/up/kind")
    assert needed.message == "version v1 lacks /heads/up/kind: pkg/reader.py:16 fails"
    assert needed.severity is Severity.HIGH
    silent = assert_fails(result, key="/scaler/mad")
    assert silent.message == (
        "version v1 lacks /scaler/mad: pkg/reader.py:12 takes None instead, without a word"
    )
    assert silent.severity is Severity.MEDIUM


@pytest.mark.passes("DOC002")
def test_fields_that_nobody_reads_are_listed(tmp_path):
    writer = WRITER.replace('"horizon": 5', '"horizon": 5, "seed": 1, "run": {"by": "x"}')
    result = check(tmp_path, writer=writer)
    assert_passes(result)
    (listed,) = result.findings
    assert listed.severity is Severity.INFO
    assert listed.message.endswith("never read by the code: /run, /seed")


@pytest.mark.passes("DOC002")
@pytest.mark.parametrize(
    "more",
    [
        'if "maybe" in self.meta: pass',
        "print(len(self.meta))",
        "library.use(self.meta)",
        'self.other["anything"]',
        "key = input(); self.meta[key]",
        'self.meta["heads"]["up"]',
        'self.meta["scaler"].copy()["mad"]',
    ],
)
def test_reads_that_are_no_fault(tmp_path, more):
    assert_passes(check(tmp_path, more))


@pytest.mark.passes("DOC002")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('meta.update({"horizon": 5})\n    return meta', 'return meta | {"horizon": 5}'),
        ('meta.update({"horizon": 5})\n    return meta', "return dict(meta, horizon=5)"),
        ('meta.update({"horizon": 5})\n    return meta', 'return {"horizon": 5} | dict(meta)'),
    ],
)
def test_mappings_that_are_merged(tmp_path, old, new):
    assert old in WRITER
    assert_passes(check(tmp_path, writer=WRITER.replace(old, new)))
    result = check(tmp_path / "b", 'self.meta["median"]', writer=WRITER.replace(old, new))
    assert_fails(result, key="/median")  # what is merged is followed, not given up


#: documents that are read beside this one: told apart by a field of the object, or by their ending
OTHERS = """
import json
import joblib


class Vault:
    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "registry.json"

    def read(self):
        if not self.file.exists():
            return json.loads(json.dumps({}))
        return json.loads(self.file.read_text())

    def resolve(self):
        book = self.read()
        if not (self.folder / book["champion"] / "meta.json").exists():
            raise ValueError(book["latest"])


def parts(folder):
    meta = json.loads((folder / "meta.json").read_text())
    return [joblib.load(folder / f"part_{head}.joblib")["weights"] for head in meta["heads"]]
"""


@pytest.mark.passes("DOC002")
def test_documents_beside_this_one_are_told_apart(tmp_path):
    assert_passes(check(tmp_path, reader=READER + OTHERS.replace("import json\n", "", 1)))


def test_through_helpers_and_constants(tmp_path):
    writer = """
import json
from dataclasses import asdict, dataclass

META = "meta.json"


@dataclass
class Meta:
    version: str
    feature_cols: list
    heads: dict
    horizon: int
    scaler: dict


def to_json(data):
    return json.dumps(data).encode()


def write(folder, name, content):
    (folder / name).write_bytes(content)


def save(folder, meta: Meta):
    files = {}
    files[META] = to_json(asdict(meta))
"""
    reader = """
import json

from pkg.writer import META


def read(path):
    data = json.loads(path.read_text())
    return data


def load(folder):
    meta = read(folder / META)
    version, columns = meta["version"], meta["feature_cols"]
    return use(meta), meta["gone"]


def use(document):
    return document["heads"]["up"], document["lost"]
"""
    result = check(tmp_path, writer=writer, reader=reader)
    assert {f.key for f in result.findings if f.severity is Severity.HIGH} == {"/gone", "/lost"}


@pytest.mark.parametrize(
    ("writer", "reader"), [("x = 1\n", READER), (WRITER, "x = 1\n"), ("def f(:\n", READER)]
)
def test_without_both_sides_it_is_not_assessed(tmp_path, writer, reader):
    assert check(tmp_path, writer=writer, reader=reader).outcome is Outcome.NOT_ASSESSED


SECOND = """

def publish(folder: Path, columns, scale):
    meta = {"version": "v1", "feature_cols": columns, "scaler": {"mad": scale}, HEADS}
    with open(folder / "meta.json", "w") as f:
        json.dump(meta, f)
"""


@pytest.mark.fails("DOC002")
def test_a_second_writer_leaves_a_field_out(tmp_path):
    heads = '"heads": {"up": {"kind": "x"}}'
    result = check(tmp_path, writer=WRITER + SECOND.replace("HEADS", heads))
    found = assert_fails(result, key="/horizon of publish", path="pkg/writer.py")
    assert found.message.startswith("writes meta.json without /horizon, which pkg/reader.py:20")
    whole = SECOND.replace("HEADS", heads + ', "horizon": 5')
    result = check(tmp_path / "b", writer=WRITER + whole)
    assert not [f for f in result.findings if f.key.endswith("of publish")]
