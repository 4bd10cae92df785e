"""What readers of archive formats ask of an archive."""

from typing import Protocol

from audit_lib.subject.artifacts.streams import Stream


class Members(Protocol):
    """The files of an archive."""

    def names(self) -> list[str]:
        """Names of the files, in the order of the directory."""

    def size(self, name: str) -> int:
        """Unpacked bytes of a member, as the directory says."""

    def read(self, name: str, most: int | None = None) -> bytes:
        """The bytes of a member, or the first of them."""

    def stream(self, name: str) -> Stream:
        """A stream over a member, which is unpacked as it is read."""
