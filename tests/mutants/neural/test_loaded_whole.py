"""NEU003: how weights get into a network."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HEAD = "import torch\nfrom pkg.net import Net\n\n\n"
MODE = """\
class Head:
    def __init__(self, path):
        self.net = Net(5)
        self.net.load_state_dict(torch.load(path, weights_only=True))
        self.net.eval()

    def predict(self, rows):
        return self.net(rows)
"""
BAD = {
    "def load(net, state):\n    net.load_state_dict(state, strict=False)\n    return net\n": (
        "load loads weights with strict=False and looks at nothing that was missing: what does not "
        "fit stays as it was drawn", "HIGH"),
    "def load(net, state):\n    net.load_state_dict(state, False)\n    return net\n": (
        "load loads weights with strict=False and looks at nothing that was missing: what does not "
        "fit stays as it was drawn", "HIGH"),
    "def load(net, path):\n    net.load_weights(path, skip_mismatch=True)\n    return net\n": (
        "load loads weights with skip_mismatch=True and looks at nothing that was missing: what "
        "does not fit stays as it was drawn", "HIGH"),
    "def load(net, state):\n    try:\n        net.load_state_dict(state)\n"
    "    except Exception as e:\n        print(e)\n    return net\n": (
        "load loads weights under a handler (line 8) that goes on where they do not fit", "HIGH"),
    MODE.replace("        self.net.eval()\n", ""): (
        "Head.__init__ loads weights into self.net, which predicts, and nothing puts it into "
        "inference mode", "MEDIUM"),
    "def predict(path, rows):\n    net = Net(5)\n    net.load_state_dict(torch.load(path))\n"
    "    return net(rows)\n": (
        "predict loads weights into net, which predicts, and nothing puts it into inference mode",
        "MEDIUM"),
    "def load(net, state):\n    try:\n        net.load_state_dict(state, strict=False)\n"
    "    except Exception as e:\n        print(e)\n    return net\n": (
        "load loads weights with strict=False and looks at nothing that was missing: what does not "
        "fit stays as it was drawn", "HIGH"),
}  # fmt: skip
GOOD = (
    MODE,
    MODE.replace("self.net.eval()", "self.net.train(False)"),
    "def load(net, state):\n    told = net.load_state_dict(state, strict=False)\n"
    "    if told.missing_keys:\n        raise ValueError(told)\n    return net\n",
    "def load(net, state):\n    try:\n        net.load_state_dict(state)\n"
    "    except RuntimeError as e:\n        raise ValueError('old weights') from e\n",
    "def load(net, state):\n    try:\n        net.load_state_dict(state)\n"
    "    except RuntimeError:\n        return None\n    return net\n",
    "class Gate:\n    def __init__(self, state):\n        self.net = Net(5)\n        try:\n"
    "            self.net.load_state_dict(state)\n        except RuntimeError:\n"
    "            self.net = None\n",
    "def resume(net, optimizer, state):\n    net.load_state_dict(state['net'])\n"
    "    optimizer.load_state_dict(state['optimizer'])\n    loss = net(state['rows'])\n"
    "    loss.backward()\n",
)


def check(folder, text):
    files = {"pkg/__init__.py": "", "pkg/net.py": "class Net:\n    pass\n", "pkg/m.py": HEAD + text}
    return run_check("NEU003", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.fails("NEU003")
@pytest.mark.parametrize("text", BAD)
def test_weights_that_may_be_missing_and_modes_that_nobody_sets(tmp_path, text):
    found = assert_fails(check(tmp_path, text), path="pkg/m.py")
    assert (found.message, found.severity.name) == BAD[text]


@pytest.mark.parametrize(
    ("moved", "call", "told"),
    [
        (".to('cuda:0')", "torch.load(path)", True),
        (".cuda()", "torch.load(path, weights_only=True)", True),
        (".to('cuda')", "torch.load(path, map_location='cpu')", False),
        (".to('cuda')", "torch.load(path, **options)", False),
        (".float()", "torch.load(path)", False),
    ],
)
def test_a_state_of_a_gpu_that_is_read_where_none_may_be(tmp_path, moved, call, told):
    text = MODE.replace("torch.load(path, weights_only=True)", call)
    text += f"\n\ndef train(rows):\n    return Net(5){moved}\n"
    findings = check(tmp_path, text).findings
    assert [f.severity.name for f in findings] == ["LOW"] * told
    assert all("cannot be loaded where there is none" in f.message for f in findings)


@pytest.mark.passes("NEU003")
@pytest.mark.parametrize("text", GOOD)
def test_networks_that_are_loaded_whole(tmp_path, text):
    result = check(tmp_path, text)
    assert result.findings == ()
    assert_passes(result)


def test_a_source_without_networks(tmp_path):
    assert check(tmp_path, "x = 1\n").outcome is Outcome.NOT_APPLICABLE
