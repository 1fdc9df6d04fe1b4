"""ID blocks: the one that the guest was launched with is recognised, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence import pack_evidence
from confide.evidence.snp import FORMAT, SnpReport
from confide.evidence.snp_id_block import IdAuth, IdBlock, IdKey, parse_id_auth, parse_id_block
from confide.testing import FakeAmd
from confide.testing.fake_id_block import ImageOwner
from confide.verify import verify_evidence
from confide.verify.snp_id_block import check_id_block

OWNER = ImageOwner.create()
CODES = {"snp.id_block", "snp.id_block.signature", "snp.id_block.author"}


def launched(amd: FakeAmd, *, with_author: bool = True, **changes: object) -> SnpReport:
    fields: dict[str, object] = {
        "measurement": b"\1" * 48, "family_id": b"\2" * 16, "image_id": b"\3" * 16, "guest_svn": 7,
    }  # fmt: skip
    return OWNER.launched(amd.report(**(fields | changes)), with_author=with_author)


def outcomes(amd: FakeAmd, report: SnpReport, parts: dict[str, bytes]) -> dict[str, str]:
    bundle = amd.evidence(report, parts=parts)
    verified = verify_evidence(bundle, now=amd.now, report_data=None, simulated_roots=[amd.root_fingerprint])
    return {check.code: check.outcome for check in verified.checks if check.code in CODES}


def refusal(amd: FakeAmd, report: SnpReport, parts: dict[str, bytes]) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        outcomes(amd, report, parts)
    return caught.value.codes


def parts_of(block: IdBlock, auth: IdAuth) -> dict[str, bytes]:
    return {"id_block": block.encode(), "id_auth": auth.encode()}


@pytest.mark.parametrize("with_author", [False, True])
def test_the_block_of_the_launch_is_accepted(fake_amd: FakeAmd, with_author: bool):
    report = launched(fake_amd, with_author=with_author)
    assert outcomes(fake_amd, report, OWNER.parts(report)) == dict.fromkeys(CODES, "passed")


def test_without_a_block_the_check_does_not_apply(fake_amd: FakeAmd):
    assert outcomes(fake_amd, launched(fake_amd), {}) == dict.fromkeys(CODES, "not applicable")


def test_a_block_without_a_launch_digest_fits_any_measurement(fake_amd: FakeAmd):
    report = launched(fake_amd)
    block = replace(OWNER.block(report), launch_digest=bytes(48))
    parts = parts_of(block, OWNER.authenticate(block, with_author=True))
    assert outcomes(fake_amd, report, parts) == dict.fromkeys(CODES, "passed")


@pytest.mark.parametrize(
    "change",
    [
        {"launch_digest": b"\7" * 48}, {"family_id": bytes(16)}, {"image_id": bytes(16)}, {"guest_svn": 8},
        {"policy": 1 << 17 | 1 << 16},
    ],
)  # fmt: skip
def test_a_signed_block_of_another_guest_is_refused(fake_amd: FakeAmd, change: dict[str, object]):
    report = launched(fake_amd)
    block = replace(OWNER.block(report), **change)  # type: ignore[arg-type]  # the case names a field
    parts = parts_of(block, OWNER.authenticate(block, with_author=True))
    assert refusal(fake_amd, report, parts) == ("snp.id_block",)


def test_a_block_that_the_id_key_did_not_sign_is_refused(fake_amd: FakeAmd):
    report = launched(fake_amd)
    block, other = OWNER.block(report), replace(OWNER.block(report), guest_svn=6)
    auth = replace(
        OWNER.authenticate(block, with_author=True),
        block_signature=OWNER.authenticate(other, with_author=True).block_signature,
    )
    assert refusal(fake_amd, report, parts_of(block, auth)) == ("snp.id_block.signature",)


def test_a_strangers_keys_are_refused_though_they_signed_everything(fake_amd: FakeAmd):
    report = launched(fake_amd)
    parts = ImageOwner.create().parts(report)
    assert refusal(fake_amd, report, parts) == ("snp.id_block.signature", "snp.id_block.author")


def test_an_id_key_that_the_author_did_not_sign_is_refused(fake_amd: FakeAmd):
    report = launched(fake_amd)
    auth = replace(OWNER.authenticate(OWNER.block(report), with_author=True), key_signature=(1, 1))
    assert refusal(fake_amd, report, parts_of(OWNER.block(report), auth)) == ("snp.id_block.author",)


def test_leaving_the_author_out_is_refused_where_the_report_names_one(fake_amd: FakeAmd):
    report = launched(fake_amd)
    auth = OWNER.authenticate(OWNER.block(report), with_author=False)
    assert refusal(fake_amd, report, parts_of(OWNER.block(report), auth)) == ("snp.id_block.author",)


def test_an_author_digest_without_its_flag_is_refused(fake_amd: FakeAmd):
    report = replace(launched(fake_amd, with_author=False), author_key_digest=OWNER.author_key.digest)
    assert refusal(fake_amd, report, OWNER.parts(report)) == ("snp.id_block.author",)


# The right point, of another curve by its number, and before a reserved byte that is not zero.
UNFIT = (IdKey(b"\1" + OWNER.id_key.raw[1:]), IdKey(OWNER.id_key.raw[:-1] + b"\1"))


@pytest.mark.parametrize("key", [IdKey(bytes(1028)), IdKey.of(1, 1), *UNFIT])
def test_a_key_that_is_no_point_of_p384_is_refused(fake_amd: FakeAmd, key: IdKey):
    report = replace(launched(fake_amd, with_author=False), id_key_digest=key.digest)
    auth = replace(OWNER.authenticate(OWNER.block(report), with_author=False), id_key=key)
    assert refusal(fake_amd, report, parts_of(OWNER.block(report), auth)) == ("snp.id_block.signature",)


@pytest.mark.parametrize(
    ("part", "size"), [("id_block", 0), ("id_block", 95), ("id_block", 97), ("id_auth", 4095), ("id_auth", 4097)]
)
def test_pieces_of_another_size_are_refused(fake_amd: FakeAmd, part: str, size: int):
    report = launched(fake_amd)
    parts = OWNER.parts(report)
    assert refusal(fake_amd, report, parts | {part: parts[part].ljust(size, b"\0")[:size]}) == ("snp.id_block",)


@pytest.mark.parametrize("part", ["id_block", "id_auth"])
def test_one_piece_without_the_other_is_refused(fake_amd: FakeAmd, part: str):
    report = launched(fake_amd)
    assert refusal(fake_amd, report, {part: OWNER.parts(report)[part]}) == ("snp.id_block",)


@pytest.mark.parametrize("at", [0, 4, 8, 0x3F, 0x40 + 144, 0x644, 0x67F, 0x680 + 144, 0xC84, 0xFFF])
def test_another_algorithm_and_reserved_bytes_that_are_not_zero_are_refused(fake_amd: FakeAmd, at: int):
    data = bytearray(OWNER.parts(launched(fake_amd))["id_auth"])
    data[at] ^= 0x80
    with pytest.raises(Refused) as caught:
        parse_id_auth(bytes(data))
    assert caught.value.codes == ("snp.id_block",)


def test_a_block_of_another_version_is_refused():
    data = bytearray(IdBlock(launch_digest=bytes(48)).encode())
    data[0x50] = 2
    with pytest.raises(Refused) as caught:
        parse_id_block(bytes(data))
    assert caught.value.codes == ("snp.id_block",)


def test_no_flipped_bit_of_a_block_is_accepted(fake_amd: FakeAmd):
    """All bits of the block, and every thirteenth of its authentication."""
    report = launched(fake_amd)
    parts = OWNER.parts(report)
    for part, step in (("id_block", 1), ("id_auth", 13)):
        for bit in range(0, 8 * len(parts[part]), step):
            flipped = bytearray(parts[part])
            flipped[bit // 8] ^= 1 << bit % 8
            checklist = Checklist()
            check_id_block(pack_evidence(FORMAT, b"", **(parts | {part: bytes(flipped)})), report, checklist)
            assert {finding.code for finding in checklist.findings} & CODES


def test_real_authentication_of_another_project_is_read(shared: Path):
    folder = shared / "evidence/snp/virtee+sev/tests/measurement"
    data = (folder / "test_auth_block.bin").read_bytes()
    auth = parse_id_auth(data)
    assert auth.encode() == data
    assert auth.author_key is not None
    assert auth.id_key.digest != auth.author_key.digest
