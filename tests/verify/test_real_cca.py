"""Every file of Arm CCA and PSA in the shared evidence: verified with its published key, or listed with the reason why
it does not apply. None is of real hardware, of which there is no published sample: the
tokens are of Arm's emulator and of the projects' own signing.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from confide.errors import Refused, Unavailable
from confide.evidence import pack_evidence
from confide.evidence.cca import parse_token
from confide.evidence.cca_keys import NoKeysError, read_platform_keys
from confide.evidence.cose_key import fingerprint_of
from confide.evidence.recognition import recognise
from confide.verify import verify_evidence

SHARED = Path(__file__).parents[3] / "shared" / "evidence"
MANIFEST = json.loads((SHARED / "MANIFEST.json").read_text()) if SHARED.exists() else []
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TRUSTEE = "arm-cca/confidential-containers+trustee/deps/verifier/test_data"
VERAISON = "arm-cca/veraison+services"
CORIM = f"{VERAISON}/scheme/arm-cca/test/corim"
EMULATOR = "arm-cca/veraison+ccatoken/realm/testvectors/tf-rmm"


# The tokens, and the files with their platforms' keys.
TOKENS = {
    f"{EMULATOR}/cca_token.cbor": f"{EMULATOR}/cca_platform.pub",
    f"{TRUSTEE}/cca/misc/cca-example-token.cbor": f"{TRUSTEE}/cca/conf/tastore.json",
    f"{VERAISON}/scheme/arm-cca/test/evidence/cca-good.cbor": f"{CORIM}/corim-cca-platform-valid.cbor",
    f"{VERAISON}/end-to-end/input/cca-evidence.cbor": f"{VERAISON}/end-to-end/input/cca-endorsements.cbor",
}
# Further files with keys, and the tokens that these keys signed.
KEYS = {
    f"{TRUSTEE}/cca/misc/cpak-pub.json": f"{TRUSTEE}/cca/misc/cca-example-token.cbor",
    f"{CORIM}/corim-cca-platform-bad-no-class.cbor": None,
    f"{CORIM}/corim-cca-platform-bad-ta-instance.cbor": None,
    f"{CORIM}/corim-cca-platform-bad-ta-no-instance.cbor": None,
    f"{VERAISON}/scheme/parsec-cca/test/corim/corim-parsec-cca-valid.cbor": None,
}
# What does not apply, by the end or a part of its path.
REASONS = {
    "arm-psa/": "a PSA token attests a device's firmware; there is no memory that its owner cannot read",
    "/parsec-cca/test/evidence/evidence.cbor": "a platform token around a Parsec key token: no token of a realm",
    "/testvectors/json/": "claims in JSON without a signature",
    ".template": "claims in JSON without a signature",
    "/src/": "sources in JSON and YAML of the binary files beside them, and private keys",
    "/corim-cca-": "a CoRIM of reference values without keys, or with a broken one: unsigned, never trusted",
    "-endorsements.cbor": "a CoRIM of reference values without keys",
    "cca-claims": "claims in JSON without a signature",
    "-priv.json": "a private key",
    "/cca/conf/": "configuration of another verifier",
    "kbs-request.json": "a request to a key broker, without a token",
}

pytestmark = pytest.mark.skipif(not MANIFEST, reason="the shared evidence is not here")


def read(path: str) -> bytes:
    return (SHARED / path).read_bytes()


def trusted(path: str) -> list[str]:
    return [fingerprint_of(one.key) for one in read_platform_keys(read(path))]


@pytest.mark.parametrize("path", TOKENS)
def test_token_verifies_with_its_published_key(path: str):
    data, key = read(path), TOKENS[path]
    bundle = pack_evidence("arm-cca", recognise(data).evidence_bytes(), (read(key),))
    challenge = parse_token(data).realm.challenge
    verified = verify_evidence(bundle, now=NOW, report_data=challenge, trusted_keys=trusted(key))
    assert not verified.simulated
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=NOW, report_data=challenge)
    assert caught.value.codes == ("cca.key",)
    with pytest.raises(Refused) as caught:
        verify_evidence(bundle, now=NOW, report_data=bytes(64), trusted_keys=trusted(key))
    assert caught.value.codes == ("cca.report_data",)


@pytest.mark.parametrize("path", TOKENS)
def test_token_under_another_platforms_key_is_refused(path: str):
    others = [key for key in TOKENS.values() if trusted(key) != trusted(TOKENS[path])]
    assert others
    for key in others:
        bundle = pack_evidence("arm-cca", read(path), (read(key),))
        with pytest.raises((Refused, Unavailable)) as caught:
            verify_evidence(bundle, now=NOW, report_data=None, trusted_keys=trusted(key))
        # A key that names its instance is not even tried for another one.
        assert caught.value.codes in {("cca.platform.signature",), ("cca.key.missing",)}


@pytest.mark.parametrize("path", KEYS)
def test_keys_are_read(path: str):
    assert len(trusted(path)) == 1
    if KEYS[path]:
        assert trusted(path) == trusted(TOKENS[KEYS[path]])


def reason(path: str) -> str | None:
    return next((said for mark, said in REASONS.items() if mark in path), None)


def test_every_file_is_in_one_of_the_tables():
    listed = {one["path"] for one in MANIFEST if one["tee"] in {"arm-cca", "arm-psa"}}
    used = TOKENS.keys() | set(TOKENS.values()) | KEYS.keys()
    assert used <= listed
    assert [path for path in sorted(listed - used) if reason(path) is None] == []


def test_no_file_that_does_not_apply_is_taken_for_a_token_of_a_realm():
    for entry in MANIFEST:
        if entry["tee"] in {"arm-cca", "arm-psa"} and entry["path"] not in TOKENS:
            with pytest.raises(Refused):
                parse_token(read(entry["path"]))


def test_reference_values_hold_no_keys():
    for entry in MANIFEST:
        path = entry["path"]
        if path.endswith(".cbor") and "/corim-cca-realm" in path:
            with pytest.raises(NoKeysError):
                read_platform_keys(read(path))
