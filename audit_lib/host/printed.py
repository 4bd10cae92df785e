"""What a child prints: drained so that it never blocks, and the end of it kept."""

import os
import select


class Printed:
    """Drains what a process prints and keeps the end of it."""

    def __init__(self, keep: int) -> None:
        """Keep up to ``keep`` bytes of each of the two streams."""
        self._keep = keep
        self._pipes: dict[int, bytes] = {}
        self.writers: list[int] = []
        for _ in range(2):
            reader, writer = os.pipe()
            os.set_blocking(reader, False)
            self._pipes[reader] = b""
            self.writers.append(writer)
        self._open = set(self._pipes)

    @property
    def readers(self) -> set[int]:
        """Descriptors that may have something to read."""
        return set(self._open)

    def handed_over(self) -> None:
        """Close our copies of the writing ends."""
        for writer in self.writers:
            os.close(writer)
        self.writers = []

    def drain(self, reader: int) -> bool:
        """Read what is there; False when that stream has ended."""
        try:
            got = os.read(reader, 1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            got = b""
        if not got:
            self._open.discard(reader)
            return False
        self._pipes[reader] = (self._pipes[reader] + got)[-self._keep :]
        return True

    def text(self) -> bytes:
        """The end of standard output, then that of standard error."""
        for reader in list(self._open):
            for _ in range(16):  # a flood may still be going on
                if not select.select([reader], [], [], 0)[0] or not self.drain(reader):
                    break
        return b"".join(self._pipes.values())

    def close(self) -> None:
        """Give the descriptors back."""
        self.handed_over()
        for reader in self._pipes:
            os.close(reader)
        self._open = set()
