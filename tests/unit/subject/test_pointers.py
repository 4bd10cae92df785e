"""Pointers lead back to the value they were made for, whatever the keys hold."""

import pytest

from audit_lib.subject.documents import Document
from audit_lib.subject.pointers import keys_of, pointer_to


@pytest.mark.parametrize("keys", [(), ("a",), ("a/b", "c~d"), ("~1", "~0"), ("", "/")])
def test_keys_come_back(keys):
    assert keys_of(pointer_to(*keys)) == list(keys)


def test_the_examples_of_the_standard():
    assert [pointer_to(k) for k in ("", "a/b", "m~n")] == ["/", "/a~1b", "/m~0n"]


def test_a_location_below_a_pointer_leads_to_the_value():
    document = Document("meta.json", "artifacts", {"files": {"v1/model.bin": {"size": 3}}})
    place = document.location("/files", "v1/model.bin", "size")
    assert (place.pointer, document.get(place.pointer)) == ("/files/v1~1model.bin/size", 3)
