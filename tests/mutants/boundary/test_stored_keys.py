import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HEAD = (
    "import json\nimport pickle\nimport joblib\nimport numpy as np\nimport torch\nimport yaml\n\n\n"
)
JSON = """\
def save(folder, mean):
    with open(folder / "state.json", "w") as file:
        json.dump({"mean": mean, "window": {"days": 5}}, file)


def load(folder):
    with open(folder / "state.json") as file:
        return json.load(file)


def use(folder):
    state = load(folder)
    return KEYS
"""
TORCH = """\
class Keeper:
    def save(self, path):
        torch.save({"model": self.model, "epoch": 3}, path)

    def restore(self, path):
        state = torch.load(path)
        self.model = state["model"]
        return KEYS
"""
NPZ = """\
def keep(path, scale):
    np.savez(path, scale=scale, centre=0)


def back(path):
    state = np.load(path)
    return KEYS
"""
PLACES = """\
def keep(path, scale):
    np.savez_compressed(path, scale, scale * 2)


def back(path):
    with np.load(path) as state:
        return KEYS
"""
FILLED = JSON.replace(
    "        return json.load(file)",
    """\
        state = json.load(file)
    state["folder"] = folder
    state.setdefault("kind", "plain")
    state.update({"owner": 1}, size=2)
    return state""",
)
PICKLE = """\
def keep(path, scale):
    state = {"scale": scale}
    state["centre"] = 0
    with open(path, "wb") as file:
        pickle.dump(state, file)


def back(path):
    with open(path, "rb") as file:
        state = pickle.load(file)
    return KEYS
"""
CASES = {
    "json": (JSON, 'state["mean"], state["window"]["days"]', 'state["std"]',
             "reads /std of state.json, which nothing writes"),
    "nested": (JSON, 'state["window"].get("days")', 'state["window"]["dayz"]',
               "reads /window/dayz of state.json, which nothing writes; the nearest is "
               "/window/days"),
    "default": (JSON, 'state.get("mean", 0)', 'state.get("means", 0)',
                "reads /means of state.json with default 0, and nothing writes it, so the default "
                "always holds; the nearest is /mean"),
    "torch": (TORCH, 'state["epoch"]', 'state["optimiser"]',
              "reads /optimiser of what pkg/m.py stores, which nothing writes"),
    "npz": (NPZ, 'state["scale"]', 'state["scales"]',
            "reads /scales of what pkg/m.py stores, which nothing writes; the nearest is /scale"),
    "by place": (PLACES, 'state["arr_0"], state["arr_1"]', 'state["arr_2"]',
                 "reads /arr_2 of what pkg/m.py stores, which nothing writes; the nearest is "
                 "/arr_1"),
    "filled by its reader": (
        FILLED, 'state["folder"], state["folder"].x["deep"], state["kind"], state["owner"], '
        'state["size"]', 'state["holder"]',
        "reads /holder of state.json, which nothing writes"),
    "named on the way": (
        JSON, '(kept := state)["mean"]', '(kept := state)["middle"]',
        "reads /middle of state.json, which nothing writes"),
    "one of two": (
        JSON, '(state if folder else {})["mean"]', '(state if folder else {})["middle"]',
        "reads /middle of state.json, which nothing writes"),
    "either": (
        JSON, '(state or {})["mean"]', '(state or {})["middle"]',
        "reads /middle of state.json, which nothing writes"),
    "awaited": (
        JSON.replace('def use', 'async def use'), '(await state)["mean"]',
        '(await state)["middle"]',
        "reads /middle of state.json, which nothing writes"),
    "pickle": (PICKLE, 'state["centre"]', 'state["center"]',
               "reads /center of what pkg/m.py stores, which nothing writes; the nearest is "
               "/centre"),
}  # fmt: skip
CONFIG = """\
def limits():
    with open("config/limits.yaml") as file:
        config = yaml.safe_load(file)
    return KEYS
"""
LIMITS = "risk:\n  max_drawdown: 0.2\nwindow: 5\n"


def check(folder, text, keys, **files):
    files = {"pkg/__init__.py": "", "pkg/m.py": HEAD + text.replace("KEYS", keys), **files}
    return run_check("BND014", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("BND014")
@pytest.mark.parametrize("case", CASES)
def test_a_key_that_nothing_writes(tmp_path, case):
    text, _, keys, said = CASES[case]
    finding = assert_fails(check(tmp_path, text, keys), path="pkg/m.py")
    assert finding.message == said
    assert finding.severity is (Severity.MEDIUM if "default" in said else Severity.HIGH)


@pytest.mark.passes("BND014")
@pytest.mark.parametrize("case", CASES)
def test_keys_that_are_written(tmp_path, case):
    text, keys, _, _ = CASES[case]
    result = check(tmp_path, text, keys)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.fails("BND014")
def test_a_configuration_that_stands_in_the_repository(tmp_path):
    files = {"config/limits.yaml": LIMITS}
    good = 'config["risk"]["max_drawdown"], config.get("window")'
    assert check(tmp_path / "a", CONFIG, good, **files).findings == ()
    finding = assert_fails(
        check(tmp_path / "b", CONFIG, 'config["risk"].get("max_dd", 1)', **files)
    )
    assert finding.message == (
        "reads /risk/max_dd of limits.yaml with default 1, and nothing in the file defines it, so "
        "the default always holds"
    )
    finding = assert_fails(check(tmp_path / "c", CONFIG, 'config["windows"]', **files))
    assert finding.message == (
        "reads /windows of limits.yaml, and the file has no such key; the nearest is /window"
    )


@pytest.mark.fails("BND014")
def test_optional_keys_weigh_little_and_are_told_together(tmp_path):
    files = {"config/limits.yaml": LIMITS}
    many = 'config.get("folder", "a"), config.get("shade", 1), config.get("owner")'
    finding = assert_fails(check(tmp_path / "a", CONFIG, many, **files))
    assert finding.severity is Severity.LOW
    assert finding.message.endswith("always holds; so it is with /owner, /shade")
    finding = assert_fails(check(tmp_path / "b", CONFIG, 'config.get("stop_loss", 1)', **files))
    assert finding.severity is Severity.MEDIUM  # a limit
    text = CONFIG.replace("    return KEYS", "    try:\n        return KEYS\n    except KeyError:\n"
                          "        return 0")  # fmt: skip
    finding = assert_fails(check(tmp_path / "c", text, 'config["owner"]', **files))
    assert finding.severity is Severity.LOW
    many = 'config["folder"], config["shade"], config["windows"]'
    finding = assert_fails(check(tmp_path / "d", CONFIG, many, **files))
    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "reads /windows of limits.yaml, and the file has no such key; the nearest is /window; so "
        "it is with /folder, /shade"
    )


@pytest.mark.passes("BND014")
def test_files_of_one_name_and_what_other_programs_read(tmp_path):
    files = {"config/limits.yaml": LIMITS, "desk/limits.yaml": "owner: a\n"}
    assert check(tmp_path / "a", CONFIG, 'config["owner"], config["risk"]', **files).findings == ()
    finding = assert_fails(check(tmp_path / "b", CONFIG, 'config["folder"]', **files))
    assert finding.message == "reads /folder of limits.yaml, and the file has no such key"
    files = {"config/limits.yaml": LIMITS, "docs/limits.yaml": "owner: a\n"}
    assert_fails(check(tmp_path / "c", CONFIG, 'config["owner"]', **files))
    asked = 'config.get("owner") and config["owner"] == "a"'
    files = {"config/limits.yaml": LIMITS}
    assert_fails(check(tmp_path / "d", CONFIG, asked, **files), severity=Severity.LOW)
    text = CONFIG.replace("config/limits.yaml", "docker-compose.yml")
    files = {"docker-compose.yml": "services: {memory_limit: 3}\nname: a\n"}
    assert check(tmp_path / "e", text, 'config["name"]', **files).findings == ()


@pytest.mark.passes("BND014")
def test_a_path_of_the_module_says_which_file_is_read(tmp_path):
    text = """\
PLACE = pathlib.Path(os.environ.get("PLACE", "config/limits.yaml"))


def keep(folder):
    text = PLACE.read_text()
    config = yaml.safe_load(text)
    (folder / f"copy-{folder}-limits-old.json").write_text(text)
    return KEYS


def restore(folder):
    return json.load(open(folder / "copy-limits-old.json")), json.dump({"a": 1}, folder)
"""
    files = {"config/limits.yaml": LIMITS}
    both = 'config["risk"]["max_drawdown"], config["window"]'
    assert check(tmp_path / "a", text, both, **files).findings == ()
    finding = assert_fails(check(tmp_path / "b", text, 'config["owner"]', **files))
    assert finding.message == "reads /owner of limits.yaml, and the file has no such key"


@pytest.mark.passes("BND014")
def test_what_cannot_be_followed_is_not_told(tmp_path):
    asked = 'state["std"] if "std" in state else 0'
    assert check(tmp_path / "a", JSON, asked).findings == ()
    opened = JSON.replace('{"mean": mean, "window": {"days": 5}}', "mean")
    assert check(tmp_path / "b", opened, 'state["std"]').findings == ()
    two = TORCH + "\n    def other(self, path):\n        torch.save(self.model, path)\n"
    assert check(tmp_path / "c", two, 'state["optimiser"]').findings == ()
    assert check(tmp_path / "d", CONFIG, 'config["windows"]').findings == ()
    assert_passes(check(tmp_path / "e", JSON, 'state["mean"]'))


@pytest.mark.passes("BND014")
def test_the_reference_engine_is_clean(reference):
    result = run_check("BND014", reference)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.passes("BND014")
def test_a_file_whose_name_ends_like_another(tmp_path):
    both = 'config["window"], config["risk"]["max_drawdown"]'
    other = CONFIG.replace("limits", "user_limits", 2).replace("user_limits()", "other()")
    text = CONFIG + "\n\n" + other.replace("KEYS", 'config["name"]')
    files = {"config/limits.yaml": LIMITS, "config/user_limits.yaml": "name: a\n"}
    assert check(tmp_path / "a", text, both, **files).findings == ()
    finding = assert_fails(check(tmp_path / "b", text, 'config["name"]', **files))
    assert finding.message.startswith("reads /name of limits.yaml, and the file has no such key")


def test_a_document_that_is_walked_by_itself_ends(tmp_path):
    """A value taken out of itself by several keys in a loop would make paths without end."""
    keys = "".join(f"        state = state['{k}'] or state\n" for k in "abcdefgh")
    text = JSON.replace("    return KEYS\n", f"    while state:\n{keys}    return state\n")
    result = check(tmp_path, text, "")
    assert result.examined[0].count == 2


@pytest.mark.passes("BND014")
def test_what_is_taken_out_if_it_is_there_and_what_comes_as_a_text(tmp_path):
    taken = 'state["mean"], state.pop("std", None)'
    assert check(tmp_path / "a", JSON, taken).findings == ()
    text = PICKLE.replace("pickle", "json") + (
        "\n\ndef answer(line):\n    asked = json.loads(line)\n    return asked['method']\n"
    )
    assert check(tmp_path / "b", text, 'state["scale"]').findings == ()
    assert_fails(check(tmp_path / "c", JSON, 'state.pop("std")'))


DEFAULTS = """\
def load(path):
    with open(path) as file:
        return json.load(file)


def save(path, horizon, row):
    state = load(path)
    state.setdefault("history", [])
    state["history"].append(row)
    state.setdefault("champions", {})[horizon] = {"version": 1}
    with open(path, "w") as file:
        json.dump(state, file)


def use(path, horizon):
    state = load(path)
    return KEYS
"""


@pytest.mark.passes("BND014")
@pytest.mark.parametrize(
    "keys", ['state["history"][-5:]', 'state.get("champions", {}).get(horizon)["version"]']
)
def test_what_setdefault_begins_is_written(tmp_path, keys):
    result = check(tmp_path, DEFAULTS, keys)
    assert result.findings == ()


@pytest.mark.fails("BND014")
def test_what_stands_below_setdefault_is_known(tmp_path):
    keys = 'state.get("champions", {})[horizon]["versions"]'
    found = assert_fails(check(tmp_path, DEFAULTS, keys), path="pkg/m.py")
    assert "which nothing writes" in found.message


HANDED = (
    "def make(x):\n    stats = {'mean': x, 'scale': 2}\n    FILL\n    return use(stats)\n\n\n"
    "def use(stats, more=0):\n    return KEYS\n"
)


def told_of(folder, keys, fill="x += 1"):
    text = HANDED.replace("FILL", fill).replace("KEYS", keys)
    files = {"pkg/__init__.py": "", "pkg/m.py": text}
    return run_check("BND014", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("BND014")
def test_a_misspelt_key_of_a_mapping_that_is_an_argument(tmp_path):
    found = assert_fails(told_of(tmp_path / "a", 'stats["meen"] + stats["scale"]'), line=8)
    assert found.message == (
        "reads /stats/meen, and whoever makes 'stats' gives it mean, scale only; the nearest is "
        "mean"
    )
    found = assert_fails(told_of(tmp_path / "b", 'stats["mean"] + stats.get("scales", 1)'))
    assert (found.severity, found.expected) == (Severity.MEDIUM, "scale")


@pytest.mark.parametrize(
    ("keys", "fill"),
    [
        ('stats["mean"], stats["kind"]', "x += 1"),
        ('stats["meen"]', 'stats["meen"] = 1'),
        ('stats["meen"]', "stats.update(x)"),
        ('stats["meen"]', "fill(stats)"),
        ('stats["meen"] if "meen" in stats else 0', "x += 1"),
        ('stats.get("means"), other(stats)', "x += 1"),
        ('stats["mean"], stats.get("means")', "x += 1"),
        ('more["meen"]', "x += 1"),
    ],
)
def test_mappings_that_hold_it_or_may(tmp_path, keys, fill):
    assert told_of(tmp_path, keys, fill).findings == ()


@pytest.mark.fails("BND014")
def test_a_limit_that_nothing_reads_and_one_key_with_two_defaults(tmp_path):
    files = {"config/limits.yaml": LIMITS + "max_leverage: 3\nnote: a\n"}
    finding = assert_fails(
        check(tmp_path / "a", CONFIG, 'config["risk"]["max_drawdown"], config["window"]', **files)
    )
    assert (finding.severity, finding.measured) == (Severity.MEDIUM, "never read")
    assert finding.message == (
        "limits.yaml defines /max_leverage, which nothing reads, so it changes nothing"
    )
    walked = 'config["window"], config["risk"]["max_drawdown"], config.get("max_leverage"), "note"'
    assert check(tmp_path / "b", CONFIG, walked, **files).findings == ()
    two = 'config["risk"]["max_drawdown"], config.get("window", 5), config.get("window", 7)'
    files = {"config/limits.yaml": LIMITS}
    finding = assert_fails(check(tmp_path / "c", CONFIG, two, **files))
    assert finding.message == (
        "reads /window of limits.yaml with default 7, and pkg/m.py:12 with 5"
    )
    same = two.replace("7", "5.0")  # one number
    assert check(tmp_path / "d", CONFIG, same, **files).findings == ()
    files = {"config/limits.yaml": LIMITS + "minority: 3\n"}  # no minimum
    finding = assert_fails(
        check(tmp_path / "e", CONFIG, 'config["risk"]["max_drawdown"], config["window"]', **files)
    )
    assert finding.severity is Severity.LOW


def test_a_key_that_another_module_sets_in_what_is_stored(tmp_path):
    """A script that writes `keeper.state["std"]`, and has it saved, writes the key."""
    run = "from pkg.m import save\n\n\ndef main(keeper):\n    keeper.state['std'] = 3\n"
    assert check(tmp_path, JSON, 'state.get("std")', **{"pkg/run.py": run}).findings == ()
    assert_fails(check(tmp_path / "b", JSON, 'state.get("std")'), path="pkg/m.py")


WRITERS = """
import json


def train(folder, mean, std):
    state = {"mean": mean, "std": std, "kind": "robust"}
    (folder / "state.json").write_text(json.dumps(state))


def retrain(folder, mean, std):
    MADE
    (folder / "state.json").write_text(json.dumps(made))


def load(folder):
    state = json.loads((folder / "state.json").read_text())
    return state["mean"], state["std"], state.get("kind")
"""


@pytest.mark.fails("BND014")
@pytest.mark.parametrize(
    "made",
    [
        'made = {"mean": mean, "kind": "robust"}',
        'made = dict(mean=mean, kind="robust", at=1)',
        'made = {"mean": mean}\n    made["kind"] = "robust"',
    ],
)
def test_a_second_writer_that_leaves_out_what_is_needed(tmp_path, made):
    text = WRITERS.replace("MADE", made)
    found = assert_fails(check(tmp_path, text, "1"), key="state.json /std of retrain")
    assert (found.location.symbol, found.severity) == ("retrain", Severity.HIGH)
    assert "writes state.json without /std, which pkg/m.py:2" in found.message


@pytest.mark.passes("BND014")
@pytest.mark.parametrize(
    "made",
    [
        'made = {"mean": mean, "std": std}',  # what has a default may be left out
        'made = json.loads((folder / "state.json").read_text())\n    made["mean"] = mean',
        'made = {"mean": mean, **vars(std)}',
        'made = {"columns": mean, "rows": std}',  # another document of that name
        "made = load(folder)",
    ],
)
def test_second_writers_that_leave_nothing_out(tmp_path, made):
    result = check(tmp_path, WRITERS.replace("MADE", made), "1")
    assert not [f for f in result.findings if "leaves" in f.cause or " of " in f.key]


NESTED = """\
def learn(fitted):
    MADE
    return {"meta": inner, "scale": 2.0}


class Desk:
    def __init__(self, stored):
        self.weights = stored["meta"]["weights"]
        self.bias = stored["meta"]["bias"]
        self.spread = READ


def keep(files, made):
    for file, keys in files.items():
        file.write_text(json.dumps({key: made[key] for key in keys}))


def fetch(files):
    return Desk({k: v for file in files for k, v in json.loads(file.read_text()).items()})
"""
INNER = 'inner = {"weights": fitted, "bias": 0.5, "spread": 1.0}'


@pytest.mark.fails("BND014")
@pytest.mark.parametrize(
    ("read", "severity"),
    [
        ('stored["meta"].get("scale") or 1.0', Severity.MEDIUM),
        ('stored["meta"]["spreads"]', Severity.HIGH),
    ],
)
def test_a_key_that_stands_elsewhere(tmp_path, read, severity):
    text = NESTED.replace("MADE", INNER).replace("READ", read)
    found = assert_fails(check(tmp_path, text, "1"), severity=severity)
    assert found.key.startswith("nested meta s")


NAMED = 'meta = stored["meta"]\n        self.spread = '


@pytest.mark.fails("BND014")
def test_a_key_that_is_read_off_a_mapping_that_got_a_name(tmp_path):
    text = NESTED.replace("self.spread = READ", NAMED + 'meta.get("spreads", 1.0)')
    found = assert_fails(check(tmp_path, text.replace("MADE", INNER), "1"))
    assert (found.key, found.severity) == ("nested meta spreads", Severity.MEDIUM)


@pytest.mark.passes("BND014")
@pytest.mark.parametrize(
    "said",
    [
        NAMED + 'meta.get("spread", 1.0)',
        NAMED + 'meta["spread"]\n        for meta in []:\n            meta.get("spreads")',
    ],
)
def test_names_that_are_read_rightly_or_bound_again(tmp_path, said):
    text = NESTED.replace("self.spread = READ", said).replace("MADE", INNER)
    assert not [f for f in check(tmp_path, text, "1").findings if f.key.startswith("nested")]


@pytest.mark.passes("BND014")
@pytest.mark.parametrize(
    ("made", "read"),
    [
        (INNER, 'stored["meta"]["spread"]'),
        ('inner = {"weights": fitted, **vars(fitted)}', 'stored["meta"]["scale"]'),
        (INNER + "; inner = dict(inner, scale=2)", 'stored["meta"].get("scale")'),
        (INNER + '; fitted["meta"]["scale"] = 2', 'stored["meta"].get("scale")'),
        ('inner = {"weights": fitted, "gain": 0.5}', 'stored["meta"]["spread"]'),  # another one
        (INNER, 'stored["scale"]'),
    ],
)
def test_nested_keys_that_are_made_or_not_known(tmp_path, made, read):
    text = NESTED.replace("MADE", made).replace("READ", read)
    assert not [f for f in check(tmp_path, text, "1").findings if f.key.startswith("nested")]


@pytest.mark.parametrize(("line", "told"), [("parts['kind'] = x", False), ("pass", True)])
def test_a_key_that_a_mapping_is_given_before_it_stands_under_another(tmp_path, line, told):
    text = (
        "import json\n\n\ndef save(x):\n    parts = {}\n    parts['mean'] = x\n"
        f"    parts['scale'] = 2\n    {line}\n    whole = {{'parts': parts}}\n"
        "    return json.dumps(whole)\n\n\ndef load(x):\n    found = json.loads(x)\n"
        "    a, b = found['parts']['mean'], found['parts']['scale']\n"
        "    return a, b, found['parts']['kind']\n"
    )
    files = {"pkg/__init__.py": "", "pkg/m.py": text}
    made = subject(tmp_path, files, source={"subsystem": {"files": ["pkg/**"]}})
    found = [f.message for f in run_check("BND014", made).findings]
    assert any("/parts/kind" in message for message in found) is told
