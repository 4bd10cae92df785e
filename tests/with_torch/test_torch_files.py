"""Files that PyTorch, safetensors and ONNX write are read without running anything of them."""

import collections
import copy
import os
import pickle
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from audit_lib.subject.artifacts import Format, Safety, read_artifact, resolve

NETWORK = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
ROWS = torch.linspace(-1, 1, 20).reshape(5, 4)
EYE = torch.eye(4)


def read(tmp_path: Path, value: object, name: str = "it.pt", **options: object):
    torch.save(value, tmp_path / name, **options)
    return read_artifact(tmp_path / name)


def stepped(optimizer: torch.optim.Optimizer) -> dict[str, object]:
    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = NETWORK(ROWS).square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return optimizer.state_dict()


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
def test_a_state_is_read_as_it_is(old: bool, tmp_path: Path) -> None:
    state = NETWORK.state_dict()
    found = read(tmp_path, state, _use_new_zipfile_serialization=not old)
    assert (found.safety, found.reasons, found.problems) == (Safety.SAFE, (), ())
    assert found.format is (Format.TORCH_LEGACY if old else Format.TORCH)
    assert {a.name: a.shape for a in found.arrays} == {
        f"/mapping/{name}": tuple(tensor.shape) for name, tensor in state.items()
    }
    if not old:
        assert np.allclose(
            resolve(found.document, "/mapping/0.weight/values"),
            state["0.weight"].numpy(),
            atol=1e-7,
        )


OPTIMIZERS = (
    "Adam AdamW SGD RMSprop Adagrad Adadelta NAdam RAdam Adamax ASGD LBFGS Rprop"  # all but sparse
)
DTYPES = (
    "bfloat16 float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool "
    "complex32 complex64 complex128 float8_e4m3fn float8_e5m2"
)


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", DTYPES.split())
def test_every_kind_of_number(kind: str, old: bool, tmp_path: Path) -> None:
    value = torch.arange(3).to(getattr(torch, kind))
    found = read(tmp_path, {"t": value}, _use_new_zipfile_serialization=not old)
    assert (found.safety, found.arrays[0].shape) == (Safety.SAFE, (3,)), found.reasons
    told = {"bool": "|b1", "uint16": "<u2", "uint64": "<u8", "float8_e5m2": "float8_e5m2"}
    assert told.get(kind, found.arrays[0].dtype) == found.arrays[0].dtype


@pytest.mark.parametrize("name", OPTIMIZERS.split())
def test_states_of_optimizers(name: str, tmp_path: Path) -> None:
    optimizer = getattr(torch.optim, name)(NETWORK.parameters(), lr=1e-3)
    value = {"network": NETWORK.state_dict(), "optimizer": stepped(optimizer), "epoch": 3}
    assert read(tmp_path, value).safety is Safety.SAFE


def honest() -> dict[str, object]:
    weight = NETWORK[0].weight
    optimizer = torch.optim.SGD(NETWORK.parameters(), 0.1, momentum=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = torch.quantize_per_channel(
            torch.ones(2, 3), torch.tensor([0.1, 0.2]), torch.zeros(2).long(), 0, torch.quint8
        )
        compressed = [EYE.to_sparse_csr(), EYE.to_sparse_csc(), EYE.to_sparse_bsr((2, 2))]
        ragged = torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(4, 3)])
    return {
        "sparse": [EYE.to_sparse(), EYE.to_sparse().coalesce(), *compressed],
        "nested": ragged,
        "quantised": [torch.quantize_per_tensor(EYE, 0.1, 0, torch.qint8), quantised],
        "views": [weight.t(), weight[1], weight[:, 1], weight[::2], torch.zeros(1).expand(3)],
        "parameters": [weight, nn.Buffer(EYE), nn.Parameter(EYE, requires_grad=False)],
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
        "odd": [torch.Size([1, 2]), torch.device("cpu"), torch.float32, torch.empty(0)],
        "random state": torch.get_rng_state(),
        "schedules": [
            torch.optim.lr_scheduler.StepLR(optimizer, 2).state_dict(),
            torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9).state_dict(),
            torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer).state_dict(),
        ],
        "averaged": torch.optim.swa_utils.AveragedModel(NETWORK).state_dict(),
        "plain": {
            "config": {"hidden": 8, "names": ["a"], "t": (1, 2), "s": {1}, "n": None},
            "scaler": np.arange(4.0),
            "count": collections.Counter("aab"),
        },
        "module": NETWORK,
        "recurrent": nn.LSTM(4, 3, num_layers=2, bidirectional=True),
        "transformer": nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 1),
        "modules": nn.ModuleDict(
            {
                "a": nn.EmbeddingBag(3, 2),
                "b": nn.ConvTranspose1d(1, 2, 3),
                "c": nn.RMSNorm(4),
                "d": nn.GaussianNLLLoss(),
                "e": nn.ParameterDict({"p": nn.Parameter(EYE)}),
            }
        ),
    }


@pytest.mark.parametrize("kind", list(honest()))
def test_honest_files_are_read(kind: str, tmp_path: Path) -> None:
    found = read(tmp_path, {"it": honest()[kind]})
    assert (found.safety, found.reasons) == (Safety.SAFE, ())
    assert found.problems == ()


def test_safetensors(tmp_path: Path) -> None:
    state = {**NETWORK.state_dict(), "b": torch.ones(2).bfloat16()}
    save_file(state, str(tmp_path / "it.safetensors"), metadata={"format": "pt"})
    found = read_artifact(tmp_path / "it.safetensors")
    assert not found.reasons
    assert {a.name.strip("/"): a.shape for a in found.arrays} == {
        name: tuple(tensor.shape) for name, tensor in state.items()
    }


class Acts:
    """Writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


class Retyped:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        kind = torch.Tensor
        return torch._tensor._rebuild_from_type_v2, (os.system, kind, (f"touch {self.path}",), None)


class Hooked:
    """A tensor whose backward hooks would be called later."""

    def __init__(self, call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        function, args = EYE.__reduce_ex__(2)
        return function, (*args[:5], collections.OrderedDict({0: self.call}), *args[6:])


def evil(mark: Path) -> dict[str, object]:
    plain = nn.Linear(2, 2)
    plain.forward = types.MethodType(os.system, f"touch {mark}")
    hooked = nn.Linear(2, 2)
    hooked.register_forward_hook(os.system)
    return {
        "a call": Acts(mark),
        "a call beside weights": {**NETWORK.state_dict(), "note": Acts(mark)},
        "another way to rebuild": Retyped(mark),
        "hooks of a tensor": Hooked(os.system),
        "a forward of its own": plain,
        "a hook of a module": hooked,
        "a file within": {"inner": torch.load},
        "code by name": {"x": eval},
        "a default that acts": collections.defaultdict(breakpoint),
    }


@pytest.mark.parametrize("old", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", list(evil(Path())))
def test_evil_files_are_refused(kind: str, old: bool, tmp_path: Path) -> None:
    mark = tmp_path / "acted"
    found = read(tmp_path, evil(mark)[kind], _use_new_zipfile_serialization=not old)
    assert found.safety is Safety.UNSAFE
    assert not mark.exists()


def test_the_call_acts_where_it_is_loaded(tmp_path: Path) -> None:
    """What is refused does harm: the test of the test."""
    mark = tmp_path / "acted"
    torch.save(Retyped(mark), tmp_path / "it.pt")
    with pytest.raises(AttributeError):
        torch.load(tmp_path / "it.pt", weights_only=False)
    assert mark.exists()


def test_what_no_reader_can_vouch_for_is_said_to_be_so(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(copy.deepcopy(NETWORK)).save(str(tmp_path / "it.ts"))
    scripted = read_artifact(tmp_path / "it.ts")
    assert (scripted.format, scripted.safety) == (Format.TORCHSCRIPT, Safety.UNSAFE)
    (tmp_path / "it.pkl").write_bytes(pickle.dumps(EYE))
    assert read_artifact(tmp_path / "it.pkl").safety is Safety.UNSAFE  # torch.load is within


@pytest.mark.parametrize("device", ["cuda:0", "mps"])
def test_a_state_of_another_device_is_read_as_it_is(device: str, tmp_path: Path) -> None:
    """PyTorch itself refuses it without ``map_location`` where that device is not (NEU003)."""
    path = tmp_path / "state.pt"
    torch.save({"w": torch.arange(6.0).reshape(2, 3)}, path)
    moved = tmp_path / "moved.pt"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(moved, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                spelt = len(device).to_bytes(4, "little") + device.encode()
                content = content.replace(b"X\x03\x00\x00\x00cpu", b"X" + spelt)
            new.writestr(name, content)
    with pytest.raises(RuntimeError):
        torch.load(moved, weights_only=True)
    assert torch.load(moved, weights_only=True, map_location="cpu")["w"].shape == (2, 3)
    found = read_artifact(moved)
    assert (found.safety, found.reasons, found.problems) == (Safety.SAFE, (), ())
    assert np.array_equal(resolve(found.document, "/w/values"), [[0, 1, 2], [3, 4, 5]])
