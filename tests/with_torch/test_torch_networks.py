"""The neural checks on real modules, built and loaded as a consumer does."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from audit_lib.model import Outcome
from audit_lib.testing import assert_passes, run_check
from tests.mutants.tiny import tiny

HEAD = """
import torch
from torch import nn

@surface("predictor.required")
def required(at):
    return [f"f{{i}}" for i in range(6)]

class Head(nn.Module):
    def __init__(self, hidden=48, rate=0.3, residual=False):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(6, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(rate),
            nn.Linear(hidden, hidden), nn.Tanh(),
        )
        self.out = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.out(self.body(x))

def tensors(state):
    return {{name: torch.as_tensor(np.asarray(a)) for name, a in state.items()}}

def trained():
    torch.manual_seed(0)
    network = Head()
    rows = torch.randn(256, 6)
    wanted = torch.stack([rows[:, 0] * rows[:, 1], torch.tanh(rows[:, 2])], 1)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range({steps}):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(rows), wanted).backward()
        optimizer.step()
    return network.state_dict()

STORED = trained()

def build(state, {arguments}):
    network = Head(**options)
    {load}
    {mode}
    return network

def answer(network, inputs):
    with torch.no_grad():
        return network(torch.as_tensor(inputs, dtype=torch.float32)).numpy()

@surface("neural.forward")
def forward(at, inputs):
    return answer({served}, inputs)

@surface("neural.state")
def state(at):
    return {{name: tensor.numpy() for name, tensor in STORED.items()}}

@surface("neural.load")
def load(at, state, inputs):
    return answer(build(tensors(state)), inputs)

@surface("neural.gradients")
def gradients(at, inputs, targets):
    network = Head()
    network.load_state_dict(STORED)
    network.train()
    x, y = (torch.as_tensor(a, dtype=torch.float32) for a in (inputs, targets))
    {loss}.backward()
    return {{
        name: (p.grad if p.grad is not None else torch.zeros_like(p)).numpy()
        for name, p in network.named_parameters()
    }}
"""
SOUND = {
    "steps": "60",
    "arguments": "**options",
    "load": "network.load_state_dict(state)",
    "mode": "network.eval()",
    "served": "build(STORED)",
    "loss": "nn.functional.mse_loss(network(x), y)",
}
CODES = ("NEU001", "NEU002", "NEU004", "NEU006")


def engine(**changed: str) -> str:
    return HEAD.format(**{**SOUND, **changed})


def test_a_sound_network_is_left_alone(tmp_path: Path) -> None:
    with tiny(tmp_path, engine()) as subject:
        for code in CODES:
            assert_passes(run_check(code, subject))


WRAPPED = "network.load_state_dict({f'module.{n}': a for n, a in state.items()}, strict=False)"
QUIET = (
    "own = network.state_dict()\n"
    "    own.update({n: a for n, a in state.items() if n in own and a.shape == own[n].shape})\n"
    "    network.load_state_dict(own)"
)
SEEDED = "torch.manual_seed(1)\n    network = Head(**options)\n    "
MASK = "torch.where(network(x) > 99, network(x), network(x).detach())"


@pytest.mark.parametrize(
    ("changed", "code", "key"),
    [
        ({"mode": "network.train()"}, "NEU001", "company"),
        ({"mode": "network.eval(); network.body[3].train()"}, "NEU001", "company"),
        ({"mode": "network.eval(); network.body[1].train()"}, "NEU001", "company"),
        ({"load": "network.load_state_dict(state, strict=False)"}, "NEU004", "missing"),
        ({"load": QUIET}, "NEU004", "missing"),
        ({"load": WRAPPED}, "NEU004", "again"),
        ({"load": SEEDED + WRAPPED}, "NEU004", "unread"),
        ({"served": "build({n: torch.zeros_like(a) if n.startswith('out') else a"
                    " for n, a in STORED.items()})"}, "NEU004", "served"),
        ({"served": "build(STORED).half().float()"}, "NEU004", "served"),
        ({"steps": "0"}, "NEU006", "untrained"),
        ({"mode": "network.eval(); nn.init.zeros_(network.out.weight)"}, "NEU006", "the same"),
        ({"loss": f"({MASK} - y).square().mean()"}, "NEU006", "dead"),
        ({"loss": "(nn.functional.mse_loss(network(x) * 0 + 1, y).sqrt() "
                  "+ (network(x) * 0).sqrt().sum())"}, "NEU006", "not finite"),
        ({"mode": "network.eval(); network.body[0].register_forward_pre_hook("
                  "lambda m, a: (torch.nan_to_num(a[0]),))"}, "NEU002", "a first row of NaN"),
    ],
)  # fmt: skip
def test_a_network_with_a_fault(
    changed: dict[str, str], code: str, key: str, tmp_path: Path
) -> None:
    with tiny(tmp_path, engine(**changed)) as subject:
        result = run_check(code, subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert key in {f.key for f in result.findings} | {f.cause for f in result.findings}


def test_constructor_arguments_that_are_not_those_of_the_checkpoint(tmp_path: Path) -> None:
    """The consumer builds another width, and refuses its own file: nothing to judge, and said."""
    text = engine(arguments="**options", load="network = Head(32); network.load_state_dict(state)")
    with tiny(tmp_path, text) as subject:
        loaded = run_check("NEU004", subject)
        served = run_check("NEU001", subject)
    for result in (loaded, served):
        assert result.outcome is Outcome.NOT_ASSESSED
        assert "size mismatch" in result.reason


def test_a_framework_that_is_absent_is_said_to_be(tmp_path: Path) -> None:
    text = engine(served="build(__import__('no_such_framework').load(STORED))")
    with tiny(tmp_path, text) as subject:
        result = run_check("NEU001", subject)
    assert (result.outcome, "no_such_framework" in result.reason) == (Outcome.NOT_ASSESSED, True)


# --- exported ---------------------------------------------------------------------------------
class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.bn, self.b = nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Linear(16, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.drop(torch.relu(self.bn(self.a(x)))))


SERVED = """
import torch, onnxruntime
PLAIN = torch.jit.load({plain!r})
{exported}

@surface("predictor.required")
def required(at):
    return [f"f{{i}}" for i in range(6)]

@surface("neural.forward")
def forward(at, inputs):
    return PLAIN(torch.as_tensor(inputs, dtype=torch.float32)).detach().numpy()

@surface("neural.exported")
def exported(at, inputs):
    return run(np.asarray(inputs, dtype=np.float32))
"""
ONNX = """
SESSION = onnxruntime.InferenceSession({file!r})
def run(x):
    return SESSION.run(None, {{"x": x}})[0]
"""
SCRIPT = """
SCRIPTED = torch.jit.load({file!r})
def run(x):
    return SCRIPTED(torch.as_tensor(x)).detach().numpy()
"""


def moved(network: nn.Module) -> nn.Module:
    """One more step of training: weights and statistics of batches are others."""
    network.train()
    with torch.no_grad():
        network(torch.linspace(-1, 3, 60).reshape(10, 6))
        network.b.weight.mul_(1.05)
    return network.eval()


@pytest.mark.parametrize("fault", ["", "training", "stale"])
@pytest.mark.parametrize("form", ["onnx", "script"])
def test_the_exported_form_equals_the_original(form: str, fault: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = moved(Small())
    plain, file = str(tmp_path / "plain.ts"), str(tmp_path / f"it.{form}")
    rows = torch.randn(4, 6)
    network.train(fault == "training")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if form == "onnx":
            mode = torch.onnx.TrainingMode.TRAINING if fault == "training" else None
            more = {"training": mode, "do_constant_folding": False} if mode else {}
            torch.onnx.export(
                network, (rows,), file, dynamo=False, input_names=["x"], output_names=["y"],
                dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, **more,
            )  # fmt: skip
        else:
            torch.jit.script(network).save(file)
        network.eval()
        torch.jit.script(moved(network) if fault == "stale" else network).save(plain)
    text = SERVED.format(
        plain=plain, exported=(ONNX if form == "onnx" else SCRIPT).format(file=file)
    )
    with tiny(tmp_path / "subject", text) as subject:
        result = run_check("NEU001", subject)
    if not fault:
        assert_passes(result)
    else:
        assert [f.key for f in result.findings] == ["exported"], result.reason


# --- sequences --------------------------------------------------------------------------------
STEPS = """
import torch
from torch import nn
torch.manual_seed(0)

@surface("predictor.required")
def required(at):
    return [f"f{{i}}" for i in range(4)]

LSTM = nn.LSTM(4, 8, batch_first=True, bidirectional={both}).eval()
LAYER = nn.TransformerEncoderLayer(8, 2, batch_first=True).eval()
ENTER, CHOOSE = nn.Linear(4, 8), nn.Linear(8, 2)

@surface("neural.sequences")
def sequences(at, inputs, lengths):
    x = torch.as_tensor(inputs, dtype=torch.float32)
    k = torch.as_tensor(lengths)
    padded = torch.arange(x.shape[1])[None, :] >= k[:, None]
    with torch.no_grad():
        {body}
"""
PACKED = (
    "p = nn.utils.rnn.pack_padded_sequence(x, k, batch_first=True, enforce_sorted=False)\n"
    "        return LSTM(p)[1][0][-1].numpy()"
)
ATTEND = (
    "h = LAYER(ENTER(x), src_key_padding_mask={mask})\n"
    "        h = h.masked_fill({late}[..., None], 0).sum(1) / {count}[:, None]\n"
    "        return CHOOSE(h).numpy()"
)


@pytest.mark.parametrize(
    ("body", "both", "key"),
    [
        (PACKED, "False", ""),
        (PACKED, "True", ""),
        (ATTEND.format(mask="padded", late="padded", count="k"), "False", ""),
        ("return LSTM(x)[0][torch.arange(len(k)), k - 1].numpy()", "False", ""),
        ("return LSTM(x)[0][torch.arange(len(k)), k - 1].numpy()", "True", "padding"),
        ("return LSTM(x)[1][0][-1].numpy()", "False", "padding"),
        ("return LSTM(x)[0][torch.arange(len(k)), k - 2].numpy()", "False", "last step"),
        (ATTEND.format(mask="None", late="padded", count="k"), "False", "padding"),
        (ATTEND.format(mask="padded", late="padded", count="(k * 0 + x.shape[1])"),
         "False", "padding"),
        (ATTEND.format(mask="padded", late="(padded & False)", count="k"), "False", "padding"),
    ],
)  # fmt: skip
def test_padding_and_masks(body: str, both: str, key: str, tmp_path: Path) -> None:
    with tiny(tmp_path, STEPS.format(body=body, both=both)) as subject:
        result = run_check("NEU005", subject)
    if key:
        assert [f.key for f in result.findings] == [key], result.reason
    else:
        assert_passes(result)
