"""Vectors of SEV-SNP, by a fake AMD: reports, signatures, certificates, lists, and what a policy wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_der_x509_certificate

from confide.evidence.bundle import EvidenceBundle, pack_evidence
from confide.evidence.snp import SnpReport, Tcb, parse_report, write_tcb
from confide.ids import sha256_of
from confide.launch.simulated.vendor import Authority, issue_leaf, subject
from confide.policy import Waiver, render_policy
from confide.testing import FakeAmd
from confide.testing.fake_amd import AMD, CSP_ID, HWID, PRODUCT_NAME
from confide.testing.vectors import Outcome, Vector
from confide.verify import Trust

DESCRIPTION = "SEV-SNP reports of a fake AMD: one fault each, all else right down to the signatures."
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DATA = bytes(range(64))
MEASUREMENT = b"\x2a" * 48
CHIP = bytes(range(64))
ORDER = int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16)
ABI, MIGRATION, SMT, DEBUG, SOCKET, ONE = 0x0132, 1 << 18, 1 << 16, 1 << 19, 1 << 20, 1 << 17
VLEK, MASKED = 1 << 2, 7 << 2
SPL = "1.3.6.1.4.1.3704.1.3."

GENOA = FakeAmd.create(NOW)
MILAN = FakeAmd.create(NOW, "Milan")
TURIN = FakeAmd.create(NOW, "Turin")
STRANGER = FakeAmd.create(NOW - timedelta(days=1))
MILAN_TCB = write_tcb(Tcb(bootloader=4, tee=0, snp=27, microcode=222))
TURIN_TCB = write_tcb(Tcb(fmc=1, bootloader=2, tee=3, snp=4, microcode=75))
TCB_FIELDS = ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb")


def report(amd: FakeAmd = GENOA, /, **changes: Any) -> SnpReport:
    """A healthy report of the product, with the fields in `changes` as given."""
    base: dict[str, Any] = {"report_data": DATA, "measurement": MEASUREMENT}
    if amd is MILAN:
        base |= {"cpuid": (0x19, 1, 1), **dict.fromkeys(TCB_FIELDS, MILAN_TCB)}
    if amd is TURIN:
        base |= {"cpuid": (0x1A, 2, 1), "chip_id": CHIP[:8] + bytes(56), **dict.fromkeys(TCB_FIELDS, TURIN_TCB)}
    return amd.report(**(base | changes))


def vector(
    name: str,
    fault: str,
    bundle: EvidenceBundle,
    *codes: str,
    amd: FakeAmd = GENOA,
    verdict: str = "",
    now: datetime = NOW,
    data: bytes | None = DATA,
    roots: tuple[str, ...] | None = None,
) -> Vector:
    """One vector without a policy: genuine where there are no codes."""
    return Vector(
        name=f"snp/{name}",
        fault=fault,
        bundle=bundle,
        now=now,
        expected=Outcome(verdict or ("refused" if codes else "genuine"), tuple(sorted(codes))),
        report_data=data,
        trust=Trust.of([amd.root_fingerprint] if roots is None else roots),
    )


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from healthy()
    yield from reports()
    yield from signatures()
    yield from certificates()
    yield from leaves()
    yield from times_and_lists()
    yield from questions()
    yield from policies()


def healthy() -> Iterator[Vector]:
    """Right ones: the positive twins."""
    for amd in (MILAN, GENOA, TURIN):
        for version in range(3, 6):
            made = report(amd, version=version)
            yield vector(f"right-{amd.product.lower()}-version-{version}", "", amd.evidence(made), amd=amd)
    for name, cpuid in {"siena": (0x19, 0xA0, 2), "bergamo": (0x19, 0xAF, 0)}.items():
        yield vector(f"right-{name}", "", GENOA.evidence(report(cpuid=cpuid)))
    for amd in (MILAN, GENOA, TURIN):
        made = report(amd, flags=VLEK, chip_id=bytes(64))
        yield vector(f"right-{amd.product.lower()}-vlek", "", amd.evidence(made), amd=amd)
    old = report(MILAN, version=2, cpuid=(0, 0, 0), platform_info=0)
    yield vector("right-milan-version-2", "", MILAN.evidence(old), amd=MILAN)
    made = report()
    yield vector(
        "right-hardware-id-as-octet-string",
        "",
        GENOA.evidence(made, leaf=GENOA.leaf(made, extensions={HWID: b"\x04\x40" + made.chip_id})),
    )
    yield vector(
        "right-masked-chip-id", "", GENOA.evidence(made := report(chip_id=bytes(64)), leaf=GENOA.leaf(report()))
    )
    for name in ("Genoa-B1", "Bergamo", "Siena"):
        value = bytes((0x16, len(name))) + name.encode()
        bundle = GENOA.evidence(report(), leaf=GENOA.leaf(report(), extensions={PRODUCT_NAME: value}))
        yield vector(f"right-certificate-for-{name.lower()}", "", bundle)
    lists = (GENOA.ark.revocation_list(NOW, revoked=(4711,)),)
    yield vector("right-with-revocation-list", "", GENOA.evidence(report(), lists=lists))
    mixed = (*STRANGER.evidence(report()).endorsement_bytes(), *GENOA.evidence(report()).endorsement_bytes())
    yield vector("right-among-strangers-certificates", "", pack_evidence("sev-snp", GENOA.sign(report()), mixed))
    yield vector("right-without-a-question", "", GENOA.evidence(report()), data=None)


def reports() -> Iterator[Vector]:
    """Faults of the report itself, signed all the same."""
    raw = GENOA.sign(report())
    items = GENOA.evidence(report()).endorsement_bytes()
    for size in (0, 1, 672, 1183, 1185, 2368):
        bundle = pack_evidence("sev-snp", (raw * 2)[:size], items)
        yield vector(f"size-{size}", f"a report of {size} bytes", bundle, "snp.size")
    for version in (0, 1, 6, 2**32 - 1):
        bundle = GENOA.evidence(report(version=version))
        yield vector(f"version-{version}", f"version {version}", bundle, "snp.version")
    reserved = (bytes(4), bytes(21), b"\0", b"\0", bytes(152), bytes(368))
    for place, length in enumerate(map(len, reserved)):
        changed = (*reserved[:place], bytes(length - 1) + b"\1", *reserved[place + 1 :])
        bundle = GENOA.evidence(report(reserved=changed))
        yield vector(f"reserved-bytes-{place + 1}", "a reserved byte that is not zero", bundle, "snp.reserved")
    bits: dict[str, dict[str, Any]] = {
        "policy-bit-17-zero": {"policy": 0},
        "policy-bit-26": {"policy": ONE | 1 << 26},
        "policy-bit-63": {"policy": ONE | 1 << 63},
        "platform-bit-8": {"platform_info": 1 << 5 | 1 << 8},
        "platform-bit-63": {"platform_info": 1 << 5 | 1 << 63},
        "flags-bit-5": {"flags": 1 << 5},
        "mitigations-in-version-3": {"current_mitigations": 1},
        "launch-mitigations-in-version-3": {"launch_mitigations": 1},
    }
    for name, changes in bits.items():
        yield vector(
            name, "a reserved bit that is not as it must be", GENOA.evidence(report(**changes)), "snp.reserved"
        )
    higher = write_tcb(Tcb(bootloader=10, tee=0, snp=28, microcode=84))
    lower = write_tcb(Tcb(bootloader=10, tee=0, snp=26, microcode=84))
    for name, changes in {
        "reported-above-committed": {"committed_tcb": lower},
        "committed-above-current": {"committed_tcb": higher},
        "current-below-all": {"current_tcb": lower},
    }.items():
        yield vector(f"tcb-{name}", "TCB versions out of order", GENOA.evidence(report(**changes)), "snp.tcb.order")
    for name, committed in {"major": (2, 0, 0), "minor": (1, 56, 0), "build": (1, 55, 50)}.items():
        bundle = GENOA.evidence(report(committed=committed))
        yield vector(f"firmware-order-{name}", "committed firmware above the current", bundle, "snp.firmware.order")
    bundle = GENOA.evidence(report(policy=ONE | DEBUG))
    yield vector("debug-without-policy", "debug mode", bundle, "snp.policy.debug")
    for name, cpuid in {"milan": (0x19, 1, 1), "turin": (0x1A, 2, 1)}.items():
        bundle = GENOA.evidence(report(cpuid=cpuid), leaf=GENOA.leaf(report()))
        codes = ["snp.chain.names", "snp.chain.product"]
        codes += ["snp.chip_id", "snp.certificate.tcb"] if name == "turin" else []
        yield vector(f"{name}-report-under-genoas-chain", "a report of another product than its chain", bundle, *codes)
    bundle = pack_evidence("sev-snp", raw, items, surprise=b"x")
    yield vector("unknown-part", "a part that no SEV-SNP evidence has", bundle, "evidence.parts")
    yield vector(
        "unknown-format", "a format that does not exist", EvidenceBundle("sev-sno", bundle.evidence), "evidence.format"
    )


def signatures() -> Iterator[Vector]:
    """Faults of the report's own signature."""
    signed = parse_report(GENOA.sign(report()))

    def made(name: str, fault: str, change: Callable[[SnpReport], SnpReport], *codes: str) -> Vector:
        return vector(f"signature-{name}", fault, GENOA.evidence(report(), raw=change(signed).encode()), *codes)

    both = ("snp.signature.encoding", "snp.signature")
    more = (int.from_bytes(signed.r, "little") + ORDER).to_bytes(72, "little")
    wrong: dict[str, tuple[str, Callable[[SnpReport], SnpReport]]] = {
        "r-zero": ("r is zero", lambda one: replace(one, r=bytes(72))),
        "s-zero": ("s is zero", lambda one: replace(one, s=bytes(72))),
        "all-zero": ("the host masks the key", lambda one: replace(one, r=bytes(72), s=bytes(72))),
        "r-order": ("r is the order of the group", lambda one: replace(one, r=ORDER.to_bytes(72, "little"))),
        "s-order": ("s is the order of the group", lambda one: replace(one, s=ORDER.to_bytes(72, "little"))),
        "r-plus-order": ("r with the order added", lambda one: replace(one, r=more)),
        "s-padding": ("the zero padding of s is not zero", lambda one: replace(one, s=one.s[:71] + b"\1")),
        "r-padding": ("the zero padding of r is not zero", lambda one: replace(one, r=one.r[:48] + b"\1" + one.r[49:])),
        "r-big-endian": ("r in the other byte order", lambda one: replace(one, r=one.r[47::-1].rjust(72, b"\0"))),
    }
    for name, (fault, change) in wrong.items():
        yield made(name, fault, change, *both)
    for name in ("report_data", "measurement", "host_data", "chip_id"):
        size = len(getattr(signed, name))
        codes = ("snp.signature", *({"report_data": ("snp.report_data",), "chip_id": ("snp.chip_id",)}.get(name, ())))
        changed: Any = {name: b"\7" * size}
        raw = replace(signed, **changed).encode()
        yield vector(
            f"signature-changed-{name}", f"{name} changed afterwards", GENOA.evidence(report(), raw=raw), *codes
        )
    yield made("exchanged", "r and s exchanged", lambda one: replace(one, r=one.s, s=one.r), "snp.signature")
    for algorithm in (0, 2, 1 << 16):
        bundle = GENOA.evidence(report(signature_algorithm=algorithm))
        codes2 = ("snp.signature.algorithm", "snp.signature")
        yield vector(f"signature-algorithm-{algorithm}", "another signature algorithm", bundle, *codes2)
    for name, curve in {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}.items():
        leaf = GENOA.leaf(report(), key=ec.generate_private_key(curve))
        yield vector(
            f"signature-by-another-{name}-key",
            "the leaf certifies another key",
            GENOA.evidence(report(), leaf=leaf),
            "snp.signature",
        )
    for flags in (MASKED, 2 << 2, 6 << 2):
        yield vector(
            f"signing-key-{flags >> 2}",
            "the report names no known signing key",
            GENOA.evidence(report(flags=flags)),
            "snp.signing_key",
        )
    vcek, vlek = GENOA.leaf(report()), GENOA.leaf(report(flags=VLEK))
    bundle = GENOA.evidence(report(flags=VLEK), leaf=vcek, authorities=(GENOA.ask, GENOA.ark))
    yield vector("vcek-certificate-for-a-vlek-report", "another kind of key", bundle, "snp.signing_key")
    bundle = GENOA.evidence(report(), leaf=vlek, authorities=(GENOA.asvk, GENOA.ark))
    yield vector("vlek-certificate-for-a-vcek-report", "another kind of key", bundle, "snp.signing_key")


def certificates() -> Iterator[Vector]:
    """Faults of the chain above the leaf."""
    yield vector(
        "forged-root", "a root with AMD's name that nobody trusts", GENOA.evidence(report()), "snp.chain.root", roots=()
    )
    yield vector(
        "root-of-another",
        "another root is trusted",
        GENOA.evidence(report()),
        "snp.chain.root",
        roots=(MILAN.root_fingerprint,),
    )
    bundle = GENOA.evidence(report())
    for index, name in enumerate(("leaf", "issuer", "root")):
        rest = tuple(item for number, item in enumerate(bundle.endorsements) if number != index)
        bare = EvidenceBundle(bundle.format, bundle.evidence, rest)
        yield vector(f"no-{name}", f"the {name} is missing", bare, "snp.chain.missing", verdict="unavailable")
    bare = EvidenceBundle(bundle.format, bundle.evidence)
    yield vector("no-certificates", "no certificate came along", bare, "snp.chain.missing", verdict="unavailable")
    junk = EvidenceBundle(bundle.format, bundle.evidence, (*bundle.endorsements, "AAAA"))
    yield vector("junk-among-certificates", "an endorsement that is nothing", junk, "endorsement.malformed")
    own = Authority.issue(GENOA.ask.certificate.subject, STRANGER.ask.key, NOW, replace(GENOA.ark, key=GENOA.asvk.key))
    leaf = GENOA.leaf(report(), issuer=own)
    yield vector(
        "self-made-issuer",
        "the root did not sign the issuer",
        GENOA.evidence(report(), leaf=leaf, authorities=(own, GENOA.ark)),
        "snp.chain.signature",
    )
    leaf = GENOA.leaf(report(), issuer=replace(GENOA.ask, key=GENOA.asvk.key))
    yield vector(
        "self-made-leaf", "the issuer did not sign the leaf", GENOA.evidence(report(), leaf=leaf), "snp.chain.signature"
    )
    leaf = GENOA.leaf(report(), issuer=GENOA.asvk)
    yield vector(
        "vcek-under-the-vlek-issuer",
        "the issuer is of the other kind",
        GENOA.evidence(report(), leaf=leaf, authorities=(GENOA.asvk, GENOA.ark)),
        "snp.chain.names",
    )
    root = Authority.issue(subject("ARK-Milan", AMD), GENOA.ark.key, NOW)
    ask = Authority.issue(GENOA.ask.certificate.subject, GENOA.ask.key, NOW, root)
    yield vector(
        "root-of-another-name",
        "a trusted root that is called ARK-Milan",
        GENOA.evidence(report(), authorities=(ask, root)),
        "snp.chain.names",
        roots=(sha256_of(root.der),),
    )
    may_sign, authority = {"2.5.29.15": bytes.fromhex("03020204")}, {"2.5.29.19": bytes.fromhex("30030101ff")}
    for name, extensions in {
        "no-constraints": may_sign,
        "no-key-usage": authority,
        "not-an-authority": may_sign | {"2.5.29.19": b"\x30\x00"},
        "may-not-sign": authority | {"2.5.29.15": bytes.fromhex("03020780")},
    }.items():
        der = issue_leaf(subject("SEV-Genoa", AMD), GENOA.ask.key.public_key(), extensions, issuer=GENOA.ark, now=NOW)
        weak = Authority(GENOA.ask.key, load_der_x509_certificate(der))
        made = GENOA.evidence(report(), leaf=GENOA.leaf(report(), issuer=weak), authorities=(weak, GENOA.ark))
        yield vector(f"issuer-{name}", "an issuer that may not issue", made, "snp.chain.authority")
    leaf = GENOA.leaf(report(), extensions=may_sign | authority)
    yield vector(
        "leaf-is-an-authority",
        "a leaf that may sign certificates",
        GENOA.evidence(report(), leaf=leaf),
        "snp.chain.authority",
    )


def leaves() -> Iterator[Vector]:
    """Faults of what the leaf certifies."""

    def made(
        name: str, fault: str, extensions: Mapping[str, bytes | None], code: str, amd: FakeAmd = GENOA, **fields: object
    ) -> Vector:
        one = report(amd, **fields)
        return vector(name, fault, amd.evidence(one, leaf=amd.leaf(one, extensions=extensions)), code, amd=amd)

    for name, value in {
        "missing": None, "empty": b"", "utf8": b"\x0c\x05Genoa", "trailing": b"\x16\x05Genoa\0",
        "milan": b"\x16\x05Milan",
        "unknown": b"\x16\x05Genua",
    }.items():  # fmt: skip
        yield made(f"product-name-{name}", "the certificate's product name", {PRODUCT_NAME: value}, "snp.chain.product")
    for name, value in {
        "missing": None, "of-another-chip": b"\1" * 64, "short": CHIP[:63], "long": CHIP + b"\0",
        "eight-bytes": CHIP[:8],
        "nested-twice": b"\x04\x42\x04\x40" + CHIP,
    }.items():  # fmt: skip
        yield made(f"hardware-id-{name}", "the certificate's hardware id", {HWID: value}, "snp.chip_id")
    for name, value in {"missing": None, "of-64-bytes": CHIP[:8] + bytes(56), "of-another-chip": b"\1" * 8}.items():
        yield made(f"turin-hardware-id-{name}", "Turin's hardware id", {HWID: value}, "snp.chip_id", TURIN)
    yield made(
        "turin-chip-id-not-padded", "bytes behind Turin's chip id", {HWID: CHIP[:8]}, "snp.chip_id", TURIN, chip_id=CHIP
    )
    vlek: dict[str, Any] = {"no-provider": {CSP_ID: None}, "with-hardware-id": {HWID: CHIP}}
    for name, extensions in vlek.items():
        yield made(f"vlek-{name}", "a VLEK's extensions", extensions, "snp.chip_id", flags=VLEK, chip_id=bytes(64))
    for part, name in {1: "bootloader", 2: "tee", 3: "snp", 8: "microcode"}.items():
        for kind, value in {"missing": None, "other": b"\x02\x01\x63", "long-form": b"\x02\x02\x00\x0a"}.items():
            yield made(
                f"level-{name}-{kind}", f"the certified level of {name}", {f"{SPL}{part}": value}, "snp.certificate.tcb"
            )
    for kind, value in {"missing": None, "other": b"\x02\x01\x63"}.items():
        yield made(
            f"turin-level-fmc-{kind}",
            "the certified level of the FMC",
            {f"{SPL}9": value},
            "snp.certificate.tcb",
            TURIN,
        )


def times_and_lists() -> Iterator[Vector]:
    """Faults of time and revocation."""
    bundle = GENOA.evidence(report())
    for days in (-4000, -1, 3654, 20000):
        yield vector(
            f"time-{days}-days",
            "certificates not in force",
            bundle,
            "snp.chain.validity",
            now=NOW + timedelta(days=days),
        )
    for days in (0, 3650):
        yield vector(f"right-after-{days}-days", "", bundle, now=NOW + timedelta(days=days))
    brief = GENOA.evidence(report(), leaf=GENOA.leaf(report(), lifetime=timedelta(days=1)))
    yield vector("leaf-expired", "the leaf alone has expired", brief, "snp.chain.validity", now=NOW + timedelta(days=2))
    ark, serial = GENOA.ark, GENOA.ask.certificate.serial_number
    lists = {
        "issuer-revoked": (ark.revocation_list(NOW, revoked=(serial,)),),
        "root-revoked": (ark.revocation_list(NOW, revoked=(ark.certificate.serial_number,)),),
        "list-forged": (replace(ark, key=GENOA.ask.key).revocation_list(NOW),),
        "list-not-yet-in-force": (ark.revocation_list(NOW + timedelta(days=1)),),
        "good-list-beside-one-that-revokes": (ark.revocation_list(NOW), ark.revocation_list(NOW, revoked=(serial,))),
    }
    for name, given in lists.items():
        yield vector(name, "a revocation list", GENOA.evidence(report(), lists=given), "snp.crl")
    old = GENOA.evidence(report(), lists=(ark.revocation_list(NOW, days=30),))
    yield vector(
        "list-outdated", "a revocation list that is no longer in force", old, "snp.crl", now=NOW + timedelta(days=31)
    )


def questions() -> Iterator[Vector]:
    """Faults of what the verifier asked."""
    for name, data in {
        "last-byte": DATA[:63] + b"\xff", "first-byte": b"\xff" + DATA[1:], "short": DATA[:32], "empty": b"",
        "long": DATA + b"\0",
    }.items():  # fmt: skip
        yield vector(
            f"question-{name}", "made for another question", GENOA.evidence(report()), "snp.report_data", data=data
        )


def policy_text(amd: FakeAmd, **fields: object) -> str:
    """A strict policy for what `report` shows; `fields` replace its platform's."""
    return render_policy(
        name="vectors", kind="simulation", workload=sha256_of(b"workload"), runtime=sha256_of(b"runtime"),
        recipients=["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="], measurement=MEASUREMENT,
        simulated_root=amd.root_fingerprint, product=amd.product, overrides={"crl": Waiver("no list here")} | fields,
    )  # fmt: skip


def policies() -> Iterator[Vector]:
    """What one policy wants and another does not get."""

    def made(name: str, fault: str, changes: Mapping[str, Any], wishes: Mapping[str, Any], *codes: str) -> Vector:
        bundle = GENOA.evidence(report(**changes))
        plain = vector(f"policy-{name}", fault, bundle, *codes)
        verdict = plain.expected if codes else Outcome("affirmed")
        return Vector(
            name=plain.name, fault=fault, bundle=bundle, now=NOW, expected=verdict, report_data=DATA,
            policy=policy_text(GENOA, **wishes),
        )  # fmt: skip

    yield made("right", "", {}, {})
    faults: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
        "measurement": ({"measurement": b"\1" * 48}, {}, "policy.workload.measurement"),
        "vmpl-1": ({"vmpl": 1}, {}, "snp.vmpl"), "vmpl-0": ({}, {"vmpl": 2}, "snp.vmpl"),
        "debug": ({"policy": ONE | DEBUG}, {}, "snp.policy.debug"),
        "migration-agent": ({"policy": ONE | MIGRATION}, {}, "snp.policy.migration_agent"),
        "multithreading": ({"policy": ONE | SMT}, {}, "snp.policy.smt"),
        "sockets": ({}, {"single_socket": True}, "snp.policy.single_socket"),
        "interface": ({"policy": ONE | ABI}, {"minimum_abi": "1.51"}, "snp.policy.abi"),
        "aliases": ({"platform_info": 0}, {}, "snp.platform_info.alias_check"),
        "ecc": ({}, {"ecc": True}, "snp.platform_info.ecc"), "tsme": ({}, {"tsme": True}, "snp.platform_info.tsme"),
        "image-version": ({"guest_svn": 1}, {"minimum_guest_svn": 2}, "snp.guest_svn"),
        "mitigation-now": (
            {"version": 5, "launch_mitigations": 3, "current_mitigations": 1}, {"mitigations": "0x3"}, "snp.mitigations"
        ),
        "mitigation-at-launch": (
            {"version": 5, "launch_mitigations": 1, "current_mitigations": 3}, {"mitigations": "0x3"}, "snp.mitigations"
        ),
        "mitigations-unreported": ({"version": 4}, {"mitigations": "0x1"}, "snp.mitigations"),
        "host-data": ({"host_data": b"\1" * 32}, {"host_data": "02" * 32}, "snp.host_data"),
        "family": ({"family_id": b"\1" * 16}, {"family_id": "02" * 16}, "snp.family_id"),
        "image": ({"image_id": b"\1" * 16}, {"image_id": "02" * 16}, "snp.image_id"),
        "signer": ({"id_key_digest": b"\1" * 48}, {"id_key_digests": ["02" * 48]}, "snp.id_key_digest"),
        "no-signer": ({}, {"id_key_digests": ["02" * 48]}, "snp.id_key_digest"),
        "author": ({"author_key_digest": b"\1" * 48}, {"author_key_digests": ["02" * 48]}, "snp.author_key_digest"),
        "chip-not-listed": ({}, {"chip_ids": ["07" * 64]}, "policy.chip.allowed"),
        "chip-denied": ({}, {"denied_chip_ids": [CHIP.hex()]}, "policy.chip.denied"),
        "vlek-for-vcek": ({"flags": VLEK, "chip_id": bytes(64)}, {}, "policy.signing_key"),
        "vcek-for-vlek": ({}, {"signing_key": "vlek"}, "policy.signing_key"),
        "no-list": ({}, {"crl": True}, "policy.crl"),
        "question": ({"report_data": b"\1" * 64}, {}, "snp.report_data"),
    }  # fmt: skip
    for name, (changes, wishes, code) in faults.items():
        yield made(name, "not what the policy wants", changes, wishes, code)
    floor = {"bootloader": 10, "tee": 0, "snp": 23, "microcode": 25}
    for name in ("bootloader", "snp", "microcode"):
        below = write_tcb(Tcb(**(floor | {name: floor[name] - 1})))
        launch = {"launch_tcb": below}
        yield made(f"launch-{name}", "launched below the lowest level", launch, {}, f"snp.tcb.{name}")
        now = dict.fromkeys(TCB_FIELDS, below)
        yield made(f"now-{name}", "running below the lowest level", now, {}, f"snp.tcb.{name}")
    for name, wishes in {"debug": {"debug": Waiver("a test")}, "smt": {"smt": Waiver("a test")}}.items():
        changed = {"policy": ONE | (DEBUG if name == "debug" else SMT)}
        yield made(f"right-{name}-waived", "", changed, wishes)
    bundle = MILAN.evidence(report(MILAN))
    yield Vector(
        name="snp/policy-product", fault="a product that the policy does not name", bundle=bundle, now=NOW,
        report_data=DATA, expected=Outcome("refused", ("policy.platform",)),
        policy=policy_text(GENOA).replace(GENOA.root_fingerprint, MILAN.root_fingerprint),
    )  # fmt: skip
    production = policy_text(GENOA).replace('kind = "simulation"', 'kind = "production"')
    production = "\n".join(line for line in production.splitlines() if not line.startswith("simulated_roots")) + "\n"
    yield Vector(
        name="snp/policy-production", fault="SIMULATED evidence for a production policy",
        bundle=GENOA.evidence(report()), now=NOW, report_data=DATA, policy=production,
        expected=Outcome("refused", ("snp.chain.root",)),
    )  # fmt: skip
