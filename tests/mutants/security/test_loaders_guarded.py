import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HEAD = (
    "import hashlib, json, os, pickle, subprocess\nimport numpy as np\nimport yaml\nimport joblib\n"
    "import torch\nfrom pickle import load as restore\nfrom pathlib import Path\n\n\n"
)
BAD = {
    "def read(path):\n    return np.load(path, allow_pickle=True)\n": (
        "read calls numpy.load(allow_pickle=True), which runs what the file holds; it comes from "
        "path of read", "MEDIUM"),
    "def read(path):\n    with open(path, 'rb') as file:\n        return restore(file)\n": (
        "read calls pickle.load, which runs what the file holds; it comes from path of read",
        "MEDIUM"),
    "def read(path):\n    return joblib.load(Path(path) / 'model')\n\n\n"
    "def serve(path):\n    return read(path)\n": (
        "read calls joblib.load, which runs what the file holds; it comes from path of read "
        "← serve", "MEDIUM"),
    "def read(path):\n    return torch.load(path)\n": (
        "read calls torch.load without weights_only, which runs what the file holds; it comes "
        "from path of read", "MEDIUM"),
    "def read(text):\n    return yaml.load(text, Loader=yaml.Loader)\n": (
        "read calls yaml.load, which runs what the file holds; it comes from text of read",
        "MEDIUM"),
    "def read(text):\n    return yaml.load(text, Loader=yaml.FullLoader)\n": (
        "read calls yaml.load, which ran what the file holds until PyYAML 5.4; it comes from text "
        "of read", "LOW"),
    "def rule(config):\n    text = config['rule']\n    return eval(text)\n": (
        "rule calls eval, which runs what it is given; it comes from config of rule", "HIGH"),
    "def go():\n    return eval(os.environ.get('RULE'))\n": (
        "go calls eval, which runs what it is given; it comes from os.environ.get() in go",
        "HIGH"),
    "def go(name):\n    subprocess.run(f'tar xf {name}', shell=True)\n": (
        "go calls subprocess.run(shell=True), which runs what it is given; it comes from name of "
        "go", "HIGH"),
    "def read(path):\n    if hashlib.sha256(Path(path).read_bytes()).hexdigest():\n"
    "        return pickle.loads(Path(path).read_bytes())\n": (
        "read calls pickle.loads, which runs what the file holds; it comes from path of read; a "
        "digest is worked out before", "LOW"),
    "def make(name):\n    exec(f'def {name}(): pass')\n": (
        "make calls exec, which runs what it is given; it comes from name of make", "LOW"),
}  # fmt: skip
GOOD = """\
def plain(path):
    return np.load(path), torch.load(path, weights_only=True), json.load(open(path))


def safe(text):
    return yaml.safe_load(text), yaml.load(text, Loader=yaml.CSafeLoader)


def fixed():
    exec("x = 1")
    subprocess.run("ls -l", shell=True)
    subprocess.run(["ls", name()])
    return [eval(name) for name in __all__]


def formatted():
    text = "x = {}"
    text = text.format(1)
    exec(text)


def copied(model):
    return pickle.loads(pickle.dumps(model))


def own(name):
    with open(Path(__file__).parent / f"{name}.py") as file:
        text = file.read()
    return eval(text)


def arguments(a, b):
    return [eval(name) for name in inspect.signature(arguments).parameters]


def kind(name):
    return eval(name)


def both():
    return kind("int"), kind(both.__name__)


class Model:
    def eval(self):
        return self

    def load(self, path):
        return self.eval()


def own(pickle, path):
    return pickle.load(path)
"""


def check(folder, text):
    files = {"pkg/__init__.py": "", "pkg/m.py": HEAD + text}
    return run_check("SEC002", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("SEC002")
@pytest.mark.parametrize("text", BAD)
def test_loaders_that_run_what_they_read(tmp_path, text):
    (finding,) = check(tmp_path, text).findings
    assert (finding.message, finding.severity.name) == BAD[text]


@pytest.mark.passes("SEC002")
def test_what_stands_in_the_source_and_what_runs_nothing(tmp_path):
    result = check(tmp_path, GOOD)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.passes("SEC002")
def test_the_reference_engine_is_clean(reference):
    result = run_check("SEC002", reference)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.fails("SEC002")
def test_one_loader_in_several_functions_of_a_file_is_one_finding(tmp_path):
    text = "".join(f"def {n}(path):\n    return joblib.load(path)\n\n\n" for n in ("one", "two"))
    (finding,) = check(tmp_path, text).findings
    assert finding.message == (
        "one calls joblib.load, which runs what the file holds; it comes from path of one; "
        "so with two"
    )


@pytest.mark.passes("SEC002")
@pytest.mark.parametrize("made", [
    "options = dict(options)\n    options['weights_only'] = True",
    "options = {'weights_only': True, **more}",
    "options = dict(weights_only=True)",
])  # fmt: skip
def test_options_that_hold_a_loader_to_weights(tmp_path, made):
    text = f"def read(path, options, more):\n    {made}\n    return torch.load(path, **options)\n"
    assert check(tmp_path / "a", text).findings == ()
    assert len(check(tmp_path / "b", text.replace("True", "False")).findings) == 1


@pytest.mark.fails("SEC002")
def test_one_class_in_two_modules_is_one_finding(tmp_path):
    text = HEAD + "class Kept:\n    def load(self, path):\n        return joblib.load(path)\n"
    files = {"pkg/__init__.py": "", "pkg/a.py": text, "pkg/b.py": text + "\n\nOther = Kept\n"}
    source = {"subsystem": {"files": ["pkg/**"]}}
    found = assert_fails(run_check("SEC002", subject(tmp_path / "a", files, source=source)))
    assert found.message.endswith("; so in pkg/b.py")
    files["pkg/b.py"] = text.replace("Kept", "Stored")
    result = run_check("SEC002", subject(tmp_path / "b", files, source=source))
    assert len(result.findings) == 2


@pytest.mark.fails("SEC002")
def test_one_function_in_many_modules_is_one_finding(tmp_path):
    text = HEAD + "def model():\n    with open(HOME) as f:\n        return joblib.load(f)\n"
    names = [f"pkg/{name}.py" for name in "abcd"]
    files = {"pkg/__init__.py": "", **dict.fromkeys(names, text)}
    source = {"subsystem": {"files": ["pkg/**"]}}
    found = assert_fails(run_check("SEC002", subject(tmp_path, files, source=source)))
    assert found.message.endswith("comes from open() in model; so in pkg/b.py, pkg/c.py, pkg/d.py")


@pytest.mark.fails("SEC002")
def test_an_origin_is_what_brings_and_not_what_asks(tmp_path):
    text = "def go(s):\n    name = read_line() if s.x.endswith('q') else s.y.get('n')\n"
    result = check(tmp_path, text + "    return eval(name)\n")
    assert "endswith" not in result.findings[0].message


@pytest.mark.fails("SEC002")
@pytest.mark.parametrize(("modules", "findings"), [(5, 1), (4, 4)])
def test_a_folder_whose_modules_all_load_pickles_is_one_finding(tmp_path, modules, findings):
    text = "import pickle\n\n\nclass Set{0}:\n    def read{0}(self, path):\n"
    text += "        return pickle.load(path)\n"
    files = {f"pkg/sets/m{n}.py": text.format(n) for n in range(modules)}
    files |= {"pkg/__init__.py": "", "pkg/sets/__init__.py": ""}
    result = run_check("SEC002", subject(tmp_path, files))
    assert len(result.findings) == findings
    others = ", ".join(f"pkg/sets/m{n}.py" for n in range(1, modules))
    assert result.findings[0].message.endswith(f"; so in {others}") is (findings == 1)


@pytest.mark.fails("SEC002")
def test_an_origin_is_what_is_fetched_and_not_how(tmp_path):
    text = (
        "import pickle\nimport requests\n\n\ndef read(url, proxies):\n"
        "    return pickle.loads(requests.get(url, proxies=proxies).content)\n"
    )
    result = run_check("SEC002", subject(tmp_path, {"m.py": text}))
    assert "it comes from url of read" in assert_fails(result).message


@pytest.mark.parametrize(("kind", "told"), [("SafeLoader", False), ("UnsafeLoader", True)])
def test_a_loader_of_yaml_that_is_kept_under_a_name(tmp_path, kind, told):
    text = f"import yaml\n\n\ndef read(path):\n    loader = yaml.{kind}\n"
    text += "    loader.add_implicit_resolver('x', None, [])\n"
    text += "    with open(path) as file:\n        return yaml.load(file, loader)\n"
    result = run_check("SEC002", subject(tmp_path, {"m.py": text}))
    assert len(result.findings) == told
