"""What differs between two runs besides the subject."""

from audit_lib.packets.manifest import Manifest


def differences(before: Manifest, after: Manifest) -> list[str]:
    """What may have changed a finding, other than the subject: a sentence each."""
    sentences = []
    key = "library_sha256"
    if before.environment.get(key) != after.environment.get(key):
        sentences.append("the workbook itself differs: a check may have changed, not the subject")
    given = [
        {(i.kind, i.name): i.sha256 for i in m.inputs if i.kind in ("parameters", "notebook")}
        for m in (before, after)
    ]
    names = sorted(n for n in {*given[0], *given[1]} if given[0].get(n) != given[1].get(n))
    for kind, called in (("parameters", "parameters"), ("notebook", "notebooks")):
        changed = [name for what, name in names if what == kind]
        if changed:
            sentences.append(f"{called} differ: {', '.join(changed)}")
    if before.isolation != after.isolation:
        was, now = (m.isolation.partition(":")[0] or "none" for m in (before, after))
        beside = ": see provenance" if was == now else f": {was}, {now}"
        sentences.append(f"isolation differs{beside}")
    if before.subject != after.subject:
        sentences.append(f"the subjects differ: {before.subject}, {after.subject}")
    return sentences
