from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from confide.evidence.endorsements import split_endorsements
from confide.verify.anchors import AMD_ROOTS
from confide.verify.signatures import RSA_PSS
from confide.verify.x509 import Certificate, parse_item


def test_pinned_roots_are_those_that_four_projects_carry(shared: Path):
    """Among all certificates named ARK in all projects there is one for each product, the pinned one."""
    carriers: dict[str, set[str]] = defaultdict(set)
    folder = shared / "evidence"
    for entry in json.loads((folder / "MANIFEST.json").read_text()):
        if entry["tee"] == "snp" and entry["path"].endswith((".der", ".pem", ".testcer", "milan", "turin")):
            for item in split_endorsements((folder / entry["path"]).read_bytes()):
                certificate = parse_item(item)
                if isinstance(certificate, Certificate) and certificate.common_name.startswith("ARK-"):
                    assert AMD_ROOTS[certificate.fingerprint] == certificate.common_name.removeprefix("ARK-")
                    assert certificate.signed_by(certificate, RSA_PSS)
                    carriers[certificate.fingerprint].add(entry["repo"])
    assert carriers.keys() == AMD_ROOTS.keys()
    assert all(len(projects) == 4 for projects in carriers.values())
