from __future__ import annotations

from audit_lib.packets.files import files_below, sha256_of


def test_files_and_links_are_listed_sorted_and_links_not_followed(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").write_text("")
    (tmp_path / "a").write_text("")
    (tmp_path / "c").symlink_to(tmp_path / "b")
    assert [path for path, _ in files_below(tmp_path)] == ["a", "b/x", "c"]


def test_the_digest_is_that_of_the_content(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x")
    assert sha256_of(tmp_path / "a.txt").startswith("2d711642b726b044")
