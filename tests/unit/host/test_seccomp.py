"""The system-call filter decides as its tables say; interpreted here, for both architectures."""

from __future__ import annotations

import errno
import struct

import pytest

from audit_lib.host.child import seccomp

ALLOW, DENY, KILL = 0x7FFF0000, 0x00050000, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMN = {"x86_64": 0, "aarch64": 1}


def decide(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the kernel would answer: a classic BPF machine in ten lines."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *[a % 2**64 for a in padded])
    steps = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        code, yes, no, k = steps[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x06:
            return k
        else:
            test = {
                0x15: accumulator == k,
                0x35: accumulator >= k,
                0x45: bool(accumulator & k),
            }[code]
            at += yes if test else no


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def answer(machine: str, number: int | None, *arguments: int, metadata: bool = True,
           protected: tuple[int, ...] = (4242,)) -> int:  # fmt: skip
    program = seccomp.program(machine, metadata=metadata, protected=protected)
    assert number is not None
    return decide(program, ARCH[machine], number, *arguments)


def test_reading_and_writing_are_allowed(machine: str) -> None:
    read_write_open = {"x86_64": (0, 1, 257, 9), "aarch64": (63, 64, 56, 222)}[machine]
    assert [answer(machine, n) for n in read_write_open] == [ALLOW] * 4


def test_every_forbidden_call_is_denied(machine: str) -> None:
    for name, numbers in seccomp._FORBIDDEN.items():
        assert answer(machine, numbers[COLUMN[machine]]) == DENY | errno.EACCES, name


def test_metadata_calls_do_nothing_only_where_that_was_asked(machine: str) -> None:
    for name, numbers in seccomp._NOTHING_HAPPENS.items():
        number = numbers[COLUMN[machine]]
        if number is not None:
            assert answer(machine, number) == DENY, name  # errno 0: success without effect
            assert answer(machine, number, metadata=False) == ALLOW, name


def test_file_flags_are_denied_and_other_controls_allowed(machine: str) -> None:
    ioctl = seccomp._IOCTL[COLUMN[machine]]
    assert answer(machine, ioctl, 3, 0x40086602) == DENY | errno.EOPNOTSUPP
    assert answer(machine, ioctl, 3, 0x5401) == ALLOW


def test_threads_and_forks_are_allowed_and_user_namespaces_denied(machine: str) -> None:
    clone = seccomp._CLONE[COLUMN[machine]]
    assert answer(machine, clone, 0x003D0F00) == ALLOW  # pthread_create
    assert answer(machine, clone, 17) == ALLOW  # fork
    assert answer(machine, clone, 0x10000000 | 17) == DENY | errno.EPERM


def test_the_judge_is_not_signalled(machine: str) -> None:
    kill = seccomp._AIMED["kill"][COLUMN[machine]]
    assert answer(machine, kill, 4242, 9) == DENY | errno.EPERM
    assert answer(machine, kill, -4242, 9) == DENY | errno.EPERM
    assert answer(machine, kill, -1, 9) == DENY | errno.EPERM
    assert answer(machine, kill, 4243, 9) == ALLOW
    assert answer(machine, kill, 4242, 9, protected=()) == ALLOW


def test_another_architecture_is_killed(machine: str) -> None:
    program = seccomp.program(machine, metadata=True)
    assert decide(program, 0x40000003, 0) == KILL


def test_x32_numbers_are_refused() -> None:
    assert answer("x86_64", 0x40000000 | 41) == DENY | errno.ENOSYS


def test_jumps_fit_their_byte(machine: str) -> None:
    program = seccomp.program(machine, metadata=True, protected=range(1, 5))
    assert len(program) // 8 < 4096
    assert max(max(yes, no) for _, yes, no, _ in struct.iter_unpack("=HBBI", program)) < 256


def test_an_unknown_machine_is_not_guessed() -> None:
    with pytest.raises(NotImplementedError, match="riscv64"):
        seccomp.program("riscv64", metadata=True)
