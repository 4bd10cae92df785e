"""A system-call filter by ``prctl``, for what mounts and Landlock leave open.

Landlock knows nothing of modes, owners, times, extended attributes, datagrams and sockets in the
file system; a read-only mount knows nothing of the latter.  The filter denies those, and what
reaches into other processes or past the memory limit.  ``chmod``, ``chown`` and the ``utime``
family are answered with a success that does nothing, because ``shutil.copytree`` into scratch
would otherwise fail for a mode nobody needs.

Source: ``seccomp(2)``, ``linux/seccomp.h``, ``linux/filter.h``.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# (x86_64, aarch64); None where the architecture has no such call.
_NOTHING_HAPPENS = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
}  # fmt: skip
_UNSUPPORTED = {
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "setxattrat": (463, 463),
    "removexattrat": (466, 466), "file_setattr": (469, 469),
}  # fmt: skip
_FORBIDDEN = {
    "socket": (41, 198), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "kcmp": (312, 272), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219),
    # Kernel objects that outlive the process, and memory that no limit counts.
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "tkill": (200, 130), "kexec_load": (246, 104), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "sethostname": (170, 161), "setdomainname": (171, 162),
    "acct": (163, 89), "quotactl": (179, 60),
}  # fmt: skip
_ABSENT = {
    # The flags of clone3 stand in memory, where no filter sees them; libraries fall back to clone.
    "clone3": (435, 435),
    # io_uring opens sockets behind the filter's back.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
#: Calls that name another process in their first argument.
_AIMED = {
    "kill": (62, 129), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
}  # fmt: skip
#: Sets the limits of the process it names, 0 for the caller: a limit of nothing ends any other.
_PRLIMIT = (302, 261)
_IOCTL, _CLONE = (16, 29), (56, 220)
_FILE_FLAGS = (0x40086602, 0x401C5820)  # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR
#: New namespaces: mounts, groups, host names, IPC, users, process ids, network.
_NAMESPACES = 0x20000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCH, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in seccomp_data (little endian)

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def program(machine: str, *, metadata: bool, protected: Iterable[int] = ()) -> bytes:
    """The filter, as an array of ``struct sock_filter``.

    Args:
        machine: ``x86_64`` or ``aarch64``.
        metadata: also neutralise changes of mode, owner, times and attributes.
        protected: processes, by id, that may not be signalled or limited; none means that the
            sandbox has process ids of its own.

    Raises:
        NotImplementedError: another architecture.
    """
    if machine not in _ARCHITECTURES:
        raise NotImplementedError(f"no system-call numbers for {machine}")
    column, arch = _ARCHITECTURES[machine]
    code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL)]
    code += [(_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":  # the x32 numbers would slip past
        code += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    answers: list[tuple[Any, int]] = [(_FORBIDDEN, errno.EACCES), (_ABSENT, errno.ENOSYS)]
    if metadata:
        answers += [(_NOTHING_HAPPENS, 0), (_UNSUPPORTED, errno.EOPNOTSUPP)]
    for table, error in answers:
        for numbers in table.values():
            if numbers[column] is not None:
                code += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _ERRNO | error)]
    if metadata:
        code += _when(_IOCTL[column], _SECOND, _EQUAL, _FILE_FLAGS, errno.EOPNOTSUPP)
    code += _when(_CLONE[column], _FIRST, _ANY_BIT, (_NAMESPACES,), errno.EPERM)
    code += _unless(_PRLIMIT[column], _FIRST, 0, errno.EPERM)
    shielded = [p & 0xFFFFFFFF for p in protected]
    if shielded:
        groups = [-p & 0xFFFFFFFF for p in shielded]
        for numbers in _AIMED.values():
            targets = (*shielded, *groups, 0xFFFFFFFF)
            code += _when(numbers[column], _FIRST, _EQUAL, targets, errno.EPERM)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in code)


def _when(
    number: int, argument: int, test: int, values: Iterable[int], error: int
) -> list[tuple[int, int, int, int]]:
    """Deny the call if an argument passes the test for any of the values."""
    checks = []
    for value in values:
        checks += [(test, 0, 1, value), (_RETURN, 0, 0, _ERRNO | error)]
    body = [(_LOAD, 0, 0, argument), *checks, (_LOAD, 0, 0, _NUMBER)]
    return [(_EQUAL, 0, len(body), number), *body]


def _unless(number: int, argument: int, value: int, error: int) -> list[tuple[int, int, int, int]]:
    """Deny the call unless an argument is this value."""
    body = [
        (_LOAD, 0, 0, argument),
        (_EQUAL, 1, 0, value),
        (_RETURN, 0, 0, _ERRNO | error),
        (_LOAD, 0, 0, _NUMBER),
    ]
    return [(_EQUAL, 0, len(body), number), *body]


def supported() -> bool:
    """Whether there is a table for this machine."""
    return platform.system() == "Linux" and platform.machine() in _ARCHITECTURES


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(*, metadata: bool, protected: Iterable[int] = ()) -> None:
    """Filter this process and all it will start; there is no way back.

    Raises:
        NotImplementedError: not Linux, or an architecture without a table.
        OSError: the kernel declines.
    """
    if platform.system() != "Linux":
        raise NotImplementedError("system-call filters need Linux")
    code = program(platform.machine(), metadata=metadata, protected=protected)
    libc = ctypes.CDLL(None, use_errno=True)
    holder = ctypes.create_string_buffer(code, len(code))
    wrapped = _Program(len(code) // 8, ctypes.cast(holder, ctypes.c_void_p))
    for arguments in (
        (_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        (_SET_SECCOMP, _MODE_FILTER, ctypes.byref(wrapped), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"seccomp: {errno.errorcode.get(number, number)}")
