"""Vectors of TPM 2.0 quotes, by a fake TPM of Google's: structures, keys, certificates, values, logs, and policies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from confide.evidence.bundle import EvidenceBundle
from confide.evidence.tcg_log import hash_of
from confide.evidence.tpm import FORMAT, RSAPSS, ClockInfo
from confide.evidence.tpm_delivery import encode_pcrs
from confide.evidence.tpm_wire import sized
from confide.testing.fake_boot import COMMAND_LINE, FakeBoot, FakeEvent, file, grub, secure_boot, separator
from confide.testing.fake_tpm import EK_USAGE, INSTANCE, PROJECT, ZONE, FakeTpm, issue
from confide.testing.vectors import Vector
from vectors._make import make, policy_for

DESCRIPTION = "Quotes of a fake TPM under a fake Google: one fault each, all else right down to the signatures."
NOW = datetime(2026, 6, 1, tzinfo=UTC)
NONCE = bytes(range(32))
TPM = FakeTpm.create(NOW)
ROOTS = (TPM.root_fingerprint,)
ATTRIBUTES = 0x00050072


@cache
def chain() -> tuple[bytes, bytes, bytes]:
    """The certificates of all right quotes."""
    return TPM.leaf().der, TPM.intermediate.der, TPM.root.der


def right(tpm: FakeTpm = TPM, quote: dict[str, Any] | None = None, **changes: Any) -> EvidenceBundle:
    """A healthy quote with the nonce, with fields and parts as given."""
    made = tpm.quote(**{"extra_data": NONCE, **(quote or {})})
    own = chain() if tpm.key is TPM.key else None
    return tpm.evidence(made, **{"endorsements": own, **changes})


def vector(name: str, fault: str, bundle: EvidenceBundle, *codes: str, **fields: Any) -> Vector:
    """One vector without a policy."""
    values: dict[str, Any] = {"now": NOW, "data": NONCE, "roots": ROOTS} | fields
    return make(f"tpm/{name}", fault, bundle, *codes, **values)


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from healthy()
    yield from structures()
    yield from keys()
    yield from certificates()
    yield from signatures()
    yield from registers()
    yield from logs()
    yield from policies()


def healthy() -> Iterator[Vector]:
    """Right ones: the positive twins."""
    yield vector("right", "", right())
    yield vector("right-without-a-question", "", right(), data=None)
    yield vector("right-p256", "", right(TPM.with_key("p256")))
    yield vector("right-p384", "", right(TPM.with_key("p384")))
    yield vector("right-pss", "", right(replace(TPM, scheme=RSAPSS)))
    for hash_name in ("sha384", "sha512"):
        yield vector(f"right-signed-with-{hash_name}", "", right(replace(TPM, hash_name=hash_name)))
    yield vector("right-bank-sha384", "", right(replace(TPM, bank="sha384")))
    yield vector("right-two-banks", "", right(quote={"selection": (("sha384", (7, 0)), ("sha256", (4, 9)))}))
    yield vector("right-without-log", "", right(event_log=None))
    yield vector("right-without-values", "", right(pcrs=None, event_log=None))
    yield vector("right-key-with-its-size", "", right(ak=sized(TPM.public_area())))
    yield vector("right-key-in-der", "", right(ak=TPM.spki))
    yield vector("right-key-as-certificate", "", right(ak=chain()[0], endorsements=chain()[1:]))
    yield vector("right-older-usage", "", right(endorsements=(TPM.leaf(usage=EK_USAGE).der, *chain()[1:])))
    yield vector("right-trusted-key", "", right(endorsements=()), roots=(), keys=(TPM.key_fingerprint,))
    yield vector("right-with-list", "", right(endorsements=(*chain(), TPM.intermediate.revoke([], NOW))))
    boot = replace(FakeBoot.healthy(), locality=3)
    yield vector("right-startup-locality", "", right(replace(TPM, boot=boot)))
    padded = TPM.boot.encode() + b"\xff" * 64
    yield vector("right-padded-log", "", right(event_log=padded))
    silent = TPM.boot.with_event(FakeEvent(0, 3, b"SP800-155 Event3"))
    yield vector("right-log-with-no-action", "", right(event_log=silent.encode()))


def structures() -> Iterator[Vector]:
    """Faults of the quote's own form."""
    raw = TPM.quote(extra_data=NONCE).encode()
    for name, data in {"empty": b"", "too-large": bytes(1025)}.items():
        yield vector(name, "a size that no quote has", right(raw=data), "tpm.size")
    yield vector("magic", "not made by a TPM", right(raw=b"\xff\x54\x43\x46" + raw[4:]), "tpm.quote.magic")
    for kind, name in {0x8017: "certify", 0x8019: "time", 0x801A: "creation", 0x8014: "nv"}.items():
        changed = raw[:4] + kind.to_bytes(2, "big") + raw[6:]
        yield vector(f"type-{name}", "another attestation than a quote", right(raw=changed), "tpm.quote.type")
    yield vector("trailing-byte", "a byte behind the quote", right(raw=raw + b"\0"), "tpm.quote.malformed")
    yield vector("last-byte-cut", "the last byte is missing", right(raw=raw[:-1]), "tpm.quote.malformed")
    ends = {
        3: "the magic", 5: "the type", 7: "the signer's size", 9: "the signer", 43: "the question's size",
        75: "the question", 83: "the clock", 87: "the resets", 91: "the restarts", 100: "the firmware's version",
        104: "the count of banks", 106: "the bank", 110: "the mask", 144: "the digest",
    }  # fmt: skip
    for size, field in ends.items():
        yield vector(f"cut-at-{size}", f"cut inside {field}", right(raw=raw[:size]), "tpm.quote.malformed")
    yield vector("sized", "the quote with its size before it", right(raw=sized(raw)), "tpm.quote.magic")
    twice = {"selection": (("sha256", (0,)), ("sha256", (7,)))}
    yield vector("bank-twice", "a bank is selected twice", right(quote=twice, event_log=None), "tpm.quote.malformed")
    for name, selection in {"nothing": (), "no-index": (("sha256", ()),)}.items():
        bundle = right(quote={"selection": selection}, event_log=None)
        yield vector(f"selection-{name}", "a quote over no PCR", bundle, "tpm.selection", "tpm.bank")
    for name, data in {"other": bytes(32), "padded": NONCE + bytes(32), "shorter": NONCE[:-1], "empty": b""}.items():
        yield vector(f"question-{name}", "made for another question", right(), "tpm.report_data", data=data)
    unknown = right(ima_log=b"10")
    yield vector("unknown-part", "a part that no quote has", unknown, "evidence.parts")


def keys() -> Iterator[Vector]:
    """Faults of the attestation key."""
    bundle = right(ak=None, endorsements=chain()[1:])
    yield vector("key-missing", "no key came along", bundle, "tpm.ak.missing", verdict="unavailable")
    area = TPM.public_area()
    shapes = {
        "empty": b"",
        "cut": area[:-1],
        "longer": area + b"\0",
        "der-longer": TPM.spki + b"\0",
        "text": b"RSA key",
    }
    for name, data in shapes.items():
        yield vector(f"key-{name}", "the key does not parse", right(ak=data), "tpm.ak.malformed")
    bits = {"not-restricted": 1 << 16, "may-leave": 1 << 1, "does-not-sign": 1 << 18, "made-elsewhere": 1 << 5}
    for name, bit in bits.items():
        weak = TPM.public_area(attributes=ATTRIBUTES & ~bit)
        yield vector(f"key-{name}", "no attestation key by its attributes", right(ak=weak), "tpm.ak.attributes")
    decrypts = TPM.public_area(attributes=ATTRIBUTES | 1 << 17)
    yield vector("key-decrypts", "the key decrypts as well", right(ak=decrypts), "tpm.ak.attributes")


def certificates() -> Iterator[Vector]:
    """Faults of the path to the root."""
    leaf, intermediate, root = chain()
    yield vector("root-unknown", "a root that nobody trusts", right(), "tpm.chain.root", roots=())
    for name, kept in {"none": (), "leaf-alone": (leaf,), "no-root": (leaf, intermediate)}.items():
        bundle = right(endorsements=kept)
        yield vector(f"chain-{name}", "a certificate is missing", bundle, "tpm.chain.missing", verdict="unavailable")
    stranger = rsa.generate_private_key(65537, 2048)
    other = replace(TPM, key=stranger).leaf().der
    yield vector(
        "chain-of-another-key", "the certificate is of another key", right(endorsements=(other, intermediate, root)),
        "tpm.chain.missing", verdict="unavailable",
    )  # fmt: skip
    forged = issue("EK/AK CA Intermediate", stranger, NOW, TPM.root)
    bundle = right(endorsements=(TPM.leaf(issuer=forged).der, intermediate, root))
    yield vector("chain-signature", "the leaf is signed by another key", bundle, "tpm.chain.signature")
    weak = issue("EK/AK CA Intermediate", TPM.intermediate.key, NOW, TPM.root, authority=False)
    bundle = right(endorsements=(leaf, weak.der, root))
    yield vector("chain-authority", "the intermediate is no authority", bundle, "tpm.chain.authority")
    uses: dict[str, dict[str, Any]] = {
        "tls": {"usage": "1.3.6.1.5.5.7.3.1"}, "none": {"usage": None}, "decrypts": {"signs": False},
    }  # fmt: skip
    for name, changes in uses.items():
        bundle = right(endorsements=(TPM.leaf(**changes).der, intermediate, root))
        yield vector(f"chain-usage-{name}", "a certificate for another use", bundle, "tpm.chain.usage")
    for name, moment in {"early": NOW - timedelta(minutes=6), "late": NOW + timedelta(days=3654)}.items():
        yield vector(f"chain-{name}", "outside of the certificates' time", right(), "tpm.chain.validity", now=moment)
    serial = TPM.leaf()
    lists = {"revoked": TPM.intermediate.revoke([serial.certificate.serial_number], NOW)}
    lists["stale"] = TPM.intermediate.revoke([], NOW - timedelta(days=9), timedelta(days=8))
    for name, data in lists.items():
        bundle = right(endorsements=(serial.der, intermediate, root, data))
        yield vector(f"list-{name}", "the list revokes the leaf, or is old", bundle, "tpm.crl")
    bundle = right(endorsements=(*chain(), b"\x30\0"))
    yield vector("endorsement-malformed", "an endorsement that is nothing", bundle, "endorsement.malformed")
    yield vector(
        "trusted-key-of-another", "the caller trusts another key", right(endorsements=()), "tpm.chain.missing",
        roots=(), keys=(f"sha256:{'00' * 32}",), verdict="unavailable",
    )  # fmt: skip


def signatures() -> Iterator[Vector]:
    """Faults of the signature."""
    signature = right().part("signature") or b""
    yield vector("signature-missing", "no signature", right(signature=None), "tpm.signature.missing")
    for name, data in {"cut": signature[:-1], "longer": signature + b"\0", "empty": b""}.items():
        yield vector(f"signature-{name}", "not one structure", right(signature=data), "tpm.signature.malformed")
    flipped = signature[:-1] + bytes([signature[-1] ^ 1])
    yield vector("signature-bit", "a bit of the signature", right(signature=flipped), "tpm.signature")
    fields: dict[str, dict[str, Any]] = {
        "firmware": {"firmware_version": 1}, "clock": {"clock_info": ClockInfo(1, 1, 1, safe=True)},
    }  # fmt: skip
    for name, changes in fields.items():
        bundle = right(quote=changes, signature=signature)
        yield vector(f"signed-{name}", "a field changed after signing", bundle, "tpm.signature")
    stranger = replace(TPM, key=rsa.generate_private_key(65537, 2048))
    by_other = stranger.sign(TPM.quote(extra_data=NONCE).encode())
    yield vector("signature-by-another-key", "signed by another key", right(signature=by_other), "tpm.signature")
    for scheme, name in {0x001A: "ecdaa", 0x0010: "none", 0x0005: "hmac"}.items():
        bundle = right(signature=scheme.to_bytes(2, "big") + signature[2:])
        yield vector(f"scheme-{name}", "another scheme", bundle, "tpm.signature.algorithm")
    old = right(replace(TPM, hash_name="sha1"))
    yield vector("signed-with-sha1", "signed with SHA-1", old, "tpm.signature.algorithm")


def registers() -> Iterator[Vector]:
    """Faults of the values."""
    values = TPM.boot.values("sha256")
    changed = {"sha256": values | {7: bytes(32)}}
    bundle = right(pcrs=encode_pcrs(changed), event_log=None)
    yield vector("value-changed", "another value than was quoted", bundle, "tpm.pcrs.digest")
    fewer = {"sha256": dict(list(values.items())[:14])}
    yield vector("value-missing", "a selected PCR has no value", right(pcrs=encode_pcrs(fewer)), "tpm.pcrs.digest")
    other = encode_pcrs({"sha384": TPM.boot.values("sha384")})
    yield vector("values-of-another-bank", "another bank", right(pcrs=other, event_log=None), "tpm.pcrs.digest")
    for name, data in {"text": b"values", "bank": b'{"md5": {}}', "index": b'{"sha256": {"99": ""}}'}.items():
        yield vector(f"values-{name}", "values that do not parse", right(pcrs=data), "tpm.pcrs.malformed")
    yield vector("bank-sha1", "the SHA-1 bank alone", right(replace(TPM, bank="sha1")), "tpm.bank")


def logs() -> Iterator[Vector]:
    """Faults of event logs."""
    boot = TPM.boot
    lies = {
        "secure-boot": boot.replace("SecureBoot", secure_boot(on=False)),
        "file": boot.replace("/vmlinuz\0", file("/vmlinuz", b"another kernel")),
        "command-line": boot.replace("kernel_cmdline", grub("/vmlinuz init=/bin/sh", label="kernel_cmdline: ")),
        "event-more": boot.with_event(separator(9)),
        "event-less": FakeBoot(boot.events[:-2], boot.algorithms),
        "locality": replace(boot, locality=3),
    }
    for name, lie in lies.items():
        yield vector(f"log-{name}", "a log of another boot", right(event_log=lie.encode()), "tpm.log.replay")
    foreign = right(quote={"selection": (("sha256", (14, 15)),)})
    yield vector("log-of-other-pcrs", "the log explains none of the PCRs", foreign, "tpm.log.replay")
    bank = FakeBoot(boot.events, ("sha384",)).encode()
    yield vector("log-of-another-bank", "the log lacks the quoted bank", right(event_log=bank), "log.algorithm")
    yield vector("log-without-values", "no values to compare with", right(pcrs=None), "log.algorithm")
    raw = boot.encode()
    for name, data in {"cut": raw[:-3], "tail": raw + b"\xff\0"}.items():
        yield vector(f"log-{name}", "a log that does not parse", right(event_log=data), "log.malformed")
    yield vector("log-canonical", "a log that does not parse", right(canonical_event_log=b"\1"), "log.malformed")
    yield vector("log-empty", "a log of no bytes", right(event_log=b""), "log.size")


def digest(content: bytes) -> str:
    """The digest of something that was measured."""
    return hash_of("sha256", content).hex()


def policies() -> Iterator[Vector]:
    """What a policy wants: each rule, held and broken."""
    seven = {"sha256:7": [TPM.boot.values("sha256")[7].hex()]}
    always: dict[str, Any] = {"pcrs": seven, "projects": [PROJECT]}
    held: dict[str, Any] = {
        "firmware_versions": ["GCE Virtual Firmware v2"], "technologies": ["AMD SEV-SNP"],
        "boot_applications": [digest(b"shim"), digest(b"grub")],
        "boot_files": [digest(b"kernel"), digest(b"initial disk")], "command_lines": [COMMAND_LINE],
        "minimum_firmware": "0x2016051100162800", "safe_clock": True, "allowed_keys": [TPM.key_fingerprint],
        "zones": [ZONE], "instances": [str(INSTANCE)],
    }  # fmt: skip
    broken: dict[str, tuple[Any, str]] = {
        "pcrs": ({"sha256:4": ["00" * 32]}, "tpm.pcrs.value"),
        "banks": (["sha384"], "tpm.bank"),
        "firmware_versions": (["GCE Virtual Firmware v1"], "tpm.boot.firmware_version"),
        "technologies": (["Intel TDX"], "tpm.boot.technology"),
        "boot_applications": ([digest(b"shim")], "tpm.boot.applications"),
        "boot_files": ([digest(b"kernel")], "tpm.boot.files"),
        "command_lines": (["/vmlinuz quiet"], "tpm.boot.command_line"),
        "minimum_firmware": ("0x2016051100162801", "tpm.firmware"),
        "allowed_keys": ([f"sha256:{'00' * 32}"], "policy.key.allowed"),
        "denied_keys": ([TPM.key_fingerprint], "policy.key.denied"),
        "projects": (["another"], "tpm.gce.project"),
        "zones": (["another"], "tpm.gce.zone"),
        "instances": (["1"], "tpm.gce.instance"),
        "workload_images": ([f"sha256:{'00' * 32}"], "tpm.boot.workload"),
        "crl": (True, "policy.crl"),
    }

    def under(values: dict[str, Any]) -> str:
        return policy_for(FORMAT, "gce", roots=ROOTS, **(always | values))

    yield vector("policy-defaults", "", right(), policy=under({}))
    yield vector("policy-all-held", "", right(), policy=under(held))
    for name, (value, code) in broken.items():
        yield vector(f"policy-{name}", "the policy wants otherwise", right(), code, policy=under({name: value}))
    defaults = under({})
    yield vector(
        "policy-no-log", "no log for a policy that wants one", right(event_log=None), "tpm.log.missing",
        "tpm.boot.secure_boot", policy=defaults,
    )  # fmt: skip
    off = replace(TPM, boot=TPM.boot.replace("SecureBoot", secure_boot(on=False)))
    other = under({"pcrs": {"sha256:4": [TPM.boot.values("sha256")[4].hex()]}})
    yield vector("policy-secure-boot-off", "secure boot was off", right(off), "tpm.boot.secure_boot", policy=other)
    weak = right(ak=TPM.public_area(attributes=ATTRIBUTES & ~(1 << 16)))
    yield vector("policy-unrestricted-key", "a key that signs anything", weak, "tpm.ak.attributes", policy=defaults)
    hidden = replace(TPM, boot=TPM.boot.replace("kernel_cmdline", grub("/vmlinuz init=/bin/sh")))
    yield vector(
        "policy-relabelled-command-line", "the bad command line is given out for a command", right(hidden),
        "tpm.boot.command_line", policy=under({"command_lines": [COMMAND_LINE]}),
    )  # fmt: skip
