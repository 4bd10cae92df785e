"""Registries, labels and folds that are kept apart by horizon."""

import json
import re
from pathlib import Path

import pytest

from audit_lib.errors import ParameterError
from audit_lib.model import Outcome, Severity
from audit_lib.selection import check_parameters
from audit_lib.subject.variants import each_variant
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

GUIDE = Path(__file__).parents[3] / "docs/guide/keys.md"
ROWS = [{"version_id": f"v{n}", "horizon": h} for n, h in [(1, 5), (2, 20), (3, 5), (4, 20)]]
LAYOUT = "{file: registry.json, versions: /versions, latest: '/latest/{horizon}', champion: ''}"
STORE = f"artifacts: {{store: store, registry: {LAYOUT}}}\n"
KEYS = STORE + "keys: {horizon: {values: [5, 20], stored: /horizon}}\n"
RESOLVE = """
import json
import re

@surface("registry")
def resolve(at, request):
    held = json.loads((at.store / "registry.json").read_text())
    horizons = {{row["version_id"]: row["horizon"] for row in held["versions"]}}
    {answer}
    if found not in horizons or not (at.store / found).is_dir():
        raise Refusal("no such version")
    return {{"version": found, "files": []}}
"""
KEPT_APART = 'found = request or held["latest"][str(at.key["horizon"])]'
GLOBAL = 'found = request or held["versions"][-1]["version_id"]'
SUBSTITUTED = (
    'latest = held["latest"][str(at.key["horizon"])]; '
    'found = request if horizons.get(request) == at.key["horizon"] else latest'
)
LABELS = """
HORIZON = {horizon}

@surface("targets.build")
def build_targets(at, panel):
    return each(panel, label=lambda b: b["close"].shift(-HORIZON) / b["close"] - 1)

@surface("targets.declared")
def declared_targets(at):
    return {{"label": {{"horizon": at.key["horizon"], "kind": "simple_return"}}}}

@surface("splits")
def folds(at, panel):
    dates = panel.index.get_level_values("date")
    known = dates.unique().sort_values()
    where = known.get_indexer(dates)
    return [
        {{
            "train": np.flatnonzero(where < start - PURGE),
            "test": np.flatnonzero((where >= start) & (where < start + 50)),
        }}
        for start in (150, 220, 290)
    ]
"""
EACH = "keys: {horizon: {values: [5, 10, 20]}}\n"


def stored(rows=ROWS, latest=None):
    held = {"versions": rows, "latest": latest or {"5": "v3", "20": "v4"}}
    metadata = {f"store/{r['version_id']}/meta.json": "{}" for r in rows}
    return {"store/registry.json": json.dumps(held), **metadata}


@pytest.mark.passes("VER011")
def test_each_horizon_has_a_latest_of_its_own(tmp_path):
    text = RESOLVE.format(answer=KEPT_APART)
    with tiny(tmp_path, text, source=stored(), parameters=KEYS) as subject:
        assert_passes(run_check("VER011", subject))
        assert subject.select("latest") == ["v3", "v4"]
        assert subject.roles() == {"v3": "latest (horizon=5)", "v4": "latest (horizon=20)"}
        assert subject.at("v4").registry.latest == "v4"
        assert_passes(run_check("VER002", subject.at("v4")))


@pytest.mark.fails("VER011")
@pytest.mark.parametrize(
    ("answer", "key"), [(GLOBAL, "without a version"), (SUBSTITUTED, "for an id")]
)
def test_another_horizons_version_is_served(tmp_path, answer, key):
    text = RESOLVE.format(answer=answer)
    with tiny(tmp_path, text, source=stored(), parameters=KEYS) as subject:
        found = assert_fails(run_check("VER011", subject), key=key)
    assert "horizon=5" in found.message


REGISTER = """

@surface("registry")
def register(at, version, metrics):
    held = json.loads((at.store / "registry.json").read_text())
    held["versions"].append({{"version_id": version, "horizon": at.key["horizon"]}})
    {kept}
    (at.store / version).mkdir()
    (at.store / version / "meta.json").write_text("{{}}")
    (at.store / "registry.json").write_text(json.dumps(held))
"""
OWN = 'held["latest"][str(at.key["horizon"])] = version'
REFUSES = (
    "found = request or GLOBAL; "
    'refused = not request and horizons.get(found) != at.key["horizon"]; '
    'found = "" if refused else found'
).replace("GLOBAL", GLOBAL.split(" or ")[1])


@pytest.mark.fails("VER011")
@pytest.mark.passes("VER011")
def test_a_registration_takes_another_horizons_default(tmp_path):
    sound = RESOLVE.format(answer=KEPT_APART) + REGISTER.format(kept=OWN)
    with tiny(tmp_path / "a", sound, source=stored(), parameters=KEYS) as subject:
        assert_passes(run_check("VER011", subject))
    # nothing is substituted: the other horizon is refused, though a version of it is there
    taken = RESOLVE.format(answer=REFUSES) + REGISTER.format(kept="pass")
    with tiny(tmp_path / "b", taken, source=stored(), parameters=KEYS) as subject:
        found = assert_fails(run_check("VER011", subject), key="registered")
    assert "after one of horizon=5, horizon=20 gets a refusal" in found.message


SEATED_FOR = (
    REGISTER
    + """
@surface("registry")
def versions(at):
    held = json.loads((at.store / "registry.json").read_text())
    return [r["version_id"] for r in held["versions"] if r["horizon"] == at.key["horizon"]]

@surface("registry")
def promote(at, version):
    held = json.loads((at.store / "registry.json").read_text())
    if version not in versions(at):
        raise Refusal("no such version")
    {seat}
    (at.store / "registry.json").write_text(json.dumps(held))
    return True
"""
)


def seated(folder, kept, seat):
    answer = 'found = request or held.get("seat", {}).get(str(at.key["horizon"])) or '
    text = RESOLVE.format(answer=answer + 'held["latest"][str(at.key["horizon"])]')
    text += SEATED_FOR.format(kept=kept, seat=seat)
    with tiny(folder, text, source=stored(), parameters=KEYS) as subject:
        return run_check("VER011", subject)


@pytest.mark.fails("VER011")
@pytest.mark.parametrize(
    ("kept", "seat", "hook"),
    [
        ('held["latest"] = dict.fromkeys(held["latest"], version)', "pass", "registry.register"),
        (OWN, 'held["seat"] = {"5": version, "20": version}', "registry.promote"),
    ],
)
def test_what_another_horizon_does_decides_who_is_served(tmp_path, kept, seat, hook):
    result = seated(tmp_path, kept, seat)
    found = assert_fails(result, expected="one changes the default of its own key only")
    assert found.anchor.symbol == hook


@pytest.mark.passes("VER011")
def test_versions_that_are_seated_for_their_own_horizon(tmp_path):
    seat = 'held.setdefault("seat", {})[str(at.key["horizon"])] = version'
    assert_passes(seated(tmp_path, OWN, seat))


CHAMPIONS = """
import json

@surface("registry")
def resolve(at, request):
    held = json.loads((at.store / "registry.json").read_text())
    found = request or held["latest"]
    if found not in [row["version_id"] for row in held["versions"]]:
        raise Refusal("no such version")
    return {"version": found, "files": []}

@surface("registry")
def versions(at):
    held = json.loads((at.store / "registry.json").read_text())
    return [row["version_id"] for row in held["versions"]]

@surface("registry")
def register(at, version, metrics):
    file, seats = at.store / "registry.json", at.store / "champions.json"
    held = json.loads(file.read_text())
    champion = json.loads(seats.read_text())["5"] if seats.exists() else None
    if not version.startswith("audit") or version in versions(at):
        raise Refusal("no id")
    if champion is None:
        champion = version
        seats.write_text(json.dumps({"5": champion}))
    rows = [*held["versions"], {"version_id": version, "horizon": 5}]
    held["versions"] = [r for r in rows[:-3] if r["version_id"] in (SPARED)] + rows[-3:]
    file.write_text(json.dumps({**held, "latest": version}))
"""
SEATS = (
    "keys: {horizon: {values: [5], stored: /horizon}}\n"
    "artifacts: {store: store, registry: {champion: 'champions.json#/{horizon}'}}\n"
)


def test_retention_spares_a_champion_that_another_file_names(tmp_path):
    source = {"store/registry.json": json.dumps({"versions": ROWS[:1], "latest": "v1"})}
    for name, spared in [("kept", "champion,"), ("dropped", "")]:
        text = CHAMPIONS.replace("SPARED", spared)
        with tiny(tmp_path / name, text, source=source, parameters=SEATS) as subject:
            result = run_check("VER003", subject)
            if spared:
                assert_passes(result)
                continue
            found = assert_fails(result, key="retention the champion")
            assert "the champion, audit-0000, is gone" in found.message


PRUNES = """

@surface("registry")
def prune(at, keep):
    return None

@surface("registry")
def create(at, metrics):
    return "audit-own"
"""


def test_what_pruning_and_own_ids_change(tmp_path):
    """A champion that retention removes is seen through pruning; ids from elsewhere weigh less."""
    source = {"store/registry.json": json.dumps({"versions": ROWS[:1], "latest": "v1"})}
    refused, written = "if not version", '(at.store / f"{version}.txt").write_text("x")'
    text = CHAMPIONS.replace("SPARED", "").replace(refused, f"{written}\n    {refused}")
    for name, more in [("given", ""), ("issued", PRUNES)]:
        with tiny(tmp_path / name, text + more, source=source, parameters=SEATS) as subject:
            result = run_check("VER003", subject)
        gone = assert_fails(result, key="retention the champion")
        outside = assert_fails(result, key="writes")
        assert gone.anchor.symbol == ("registry.prune" if more else "registry.register")
        assert outside.severity is (Severity.MEDIUM if more else Severity.CRITICAL)


def test_a_registry_that_gives_a_taken_id_another_one_replaces_nothing(tmp_path):
    own = 'version += "-2" if version in versions(at) else ""'
    text = CHAMPIONS.replace("SPARED", "champion,").replace(" or version in versions(at)", "")
    text = text.replace("    if champion is None:", f"    {own}\n    if champion is None:")
    source = {"store/registry.json": json.dumps({"versions": ROWS[:1], "latest": "v1"})}
    with tiny(tmp_path, text, source=source, parameters=SEATS) as subject:
        assert_passes(run_check("VER003", subject))


def test_a_registry_that_tells_horizons_apart_wants_keys(tmp_path):
    text = RESOLVE.format(answer=GLOBAL)
    with tiny(tmp_path / "a", text, source=stored(), parameters=STORE) as subject:
        result = run_check("VER011", subject)
        assert result.outcome is Outcome.NOT_ASSESSED
        assert "differ by horizon (20, 5)" in result.reason
    same = [{**row, "horizon": 5} for row in ROWS]
    with tiny(tmp_path / "b", text, source=stored(same), parameters=STORE) as subject:
        assert run_check("VER011", subject).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.fails("CHK003")
def test_the_pointer_of_another_horizon_leads_nowhere(tmp_path):
    source = stored(latest={"5": "v3", "20": "gone"})
    with tiny(tmp_path, "", source=source, parameters=KEYS) as subject:
        found = assert_fails(run_check("CHK003", subject.at("v3")), key="latest (horizon=20)")
    assert found.message.startswith("latest (horizon=20) points to 'gone'")
    assert found.anchor.pointer == "/latest/20"


def test_a_literal_horizon_shows_at_the_others(tmp_path):
    literal = LABELS.format(horizon=10).replace("PURGE", "10")
    with tiny(tmp_path / "a", literal, parameters=EACH) as subject:
        result = run_check("TGT001", subject)
        (one,) = result.findings
        assert one.message.startswith("horizon=5: ")
        assert one.message.endswith(" (so also at horizon=20)")
    keyed = LABELS.format(horizon="None").replace("-HORIZON", '-at.key["horizon"]')
    with tiny(tmp_path / "b", keyed.replace("PURGE", "10"), parameters=EACH) as subject:
        assert_passes(run_check("TGT001", subject))
        result = run_check("SPL001", subject)
        assert {f.variant for f in result.findings} == {"horizon=20"}
    sound = keyed.replace("PURGE", 'at.key["horizon"]')
    with tiny(tmp_path / "c", sound, parameters=EACH) as subject:
        assert_passes(run_check("SPL001", subject))


def test_the_example_of_the_guide(tmp_path):
    (yaml,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (hooks,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    rows = [{"version_id": f"v{n}", "horizon": n} for n in (5, 10, 20)]
    latest = {str(n): f"v{n}" for n in (5, 10, 20)}
    source = {p.replace("store/", "trained_models/"): t for p, t in stored(rows, latest).items()}
    with tiny(tmp_path, hooks, source=source, parameters=yaml) as subject:
        assert_passes(result := run_check("TGT001", subject))
        assert len(result.examined) == 3
        assert subject.select("latest") == ["v5", "v10", "v20"]


def test_a_surface_that_no_key_reaches_is_asked_once(tmp_path):
    text = 'SEEN = []\n@surface("drift.psi")\ndef psi(at, a, b):\n    return float(len(at.key))\n'
    with tiny(tmp_path, text, parameters=EACH) as subject:
        assert {f.variant for f in run_check("DRF001", subject).findings} <= {""}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{horizon: {values: []}}", "keys.horizon.values"),
        ("{horizon: {values: [5, '5']}}", "a value stands here twice"),
        ("{horizon: {values: [5], surfaces: [label]}}", "no surface is called 'label'"),
    ],
)
def test_mistakes_name_the_key(tmp_path, keys, said):
    made = pytest.raises(ParameterError, match=said)
    with made, tiny(tmp_path, "", parameters=f"keys: {keys}"):
        pass


def test_options_of_one_key(tmp_path):
    for key, known in [("horizon=20", True), ("horizon=7", False)]:
        options = f"options: {{'TGT001[{key}]': {{cuts: 12}}}}\n{EACH}"
        with tiny(tmp_path / key, "", parameters=options) as subject:
            if known:
                check_parameters(subject)
                continue
            with pytest.raises(ParameterError, match="horizon=7"):
                check_parameters(subject)


PREDICTOR = """

@surface("predictor")
def predict(at, features):
    return features

@surface("predictor")
def required(at):
    return []
"""


@pytest.mark.parametrize(
    ("hooks", "surfaces", "driven"),
    [
        (("targets.build",), "", [20, 5]),
        # the model is of 20 bars, so labels of 5 tell nothing of it
        (("targets.build", "predictor.predict"), "", [20]),
        (("targets.build", "predictor.required"), "", [20, 5]),
        (("targets.build", "predictor.predict"), ", surfaces: [targets, predictor]", [20, 5]),
    ],
)
def test_what_asks_the_versions_model_is_asked_at_its_own_key(tmp_path, hooks, surfaces, driven):
    keys = KEYS.replace("stored: /horizon", f"stored: /horizon{surfaces}")
    text = LABELS.replace("PURGE", "5").format(horizon="5") + PREDICTOR
    asked = []
    with tiny(tmp_path, text, source=stored(), parameters=keys) as subject:
        for bound, _ in each_variant(subject.at("v2")):
            asked.append(bound.key["horizon"])
            for hook in hooks:
                bound.hook(hook)
    assert asked == driven
