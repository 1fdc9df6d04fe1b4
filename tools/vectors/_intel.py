"""What vectors of SGX and TDX have in common, by a fake Intel: quotes, chains, collateral, levels, policies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from confide.clock import to_rfc3339
from confide.evidence.bundle import pack_evidence
from confide.evidence.intel_pck import OID
from confide.evidence.intel_quote import INTEL, Quote
from confide.testing.fake_intel import FakeIntel, Holder, Machine, issue, key_of, raw_point, raw_signature, to_pem
from confide.testing.vectors import Vector
from confide.verify.intel_chain import AUTHORITIES, PCK, ROOT, SIGNER
from confide.verify.intel_signatures import ORDER
from vectors._make import make, policy_for

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DATA = bytes(range(64))
FAKE = FakeIntel.create(NOW)
ROOTS = (FAKE.root_fingerprint,)
STRANGER = FakeIntel.create(NOW + timedelta(seconds=1))
OLD = (2, 2, 2, 2, 3, 1, 0, 5, *bytes(8))
PIECES = "tcb_info", "identity", "root_list", "pck_list", "signer", "root"
OF_ALL = "evidence.", "endorsement.", "policy."


@dataclass(frozen=True)
class Bench:
    """A healthy machine, its quote and its collateral by piece, which all vectors of a TEE share where they can;
    `always` is what its policies say at least.
    """

    machine: Machine
    always: Mapping[str, object]
    quote: Quote
    pieces: Mapping[str, bytes]

    @classmethod
    def of(cls, machine: Machine, **always: object) -> Bench:
        """Signs everything once."""
        pieces = dict(zip(PIECES, FAKE.collateral(machine), strict=True))
        return cls(machine, always, FAKE.sign_quote(machine), pieces)

    @property
    def tee(self) -> str:
        """`sgx` or `tdx`."""
        return self.machine.tee

    def vector(
        self,
        name: str,
        fault: str,
        *codes: str,
        machine: Machine | None = None,
        quote: Quote | bytes | None = None,
        pieces: Mapping[str, bytes | None] | None = None,
        parts: Mapping[str, bytes] | None = None,
        policy: Mapping[str, object] | None = None,
        **fields: Any,
    ) -> Vector:
        """One vector. `codes` are without the TEE's prefix, `pieces` replace the collateral's or (None) leave one out,
        a `policy` is by the fields that are not as always.
        """
        made = quote or (FAKE.sign_quote(machine) if machine else self.quote)
        raw = made if isinstance(made, bytes) else made.encode()
        endorsements = tuple(one for one in {**self.pieces, **(pieces or {})}.values() if one is not None)
        text = None
        if policy is not None:
            wishes: dict[str, Any] = {**self.always, **policy}
            text = policy_for(self.tee, self.tee.upper(), roots=ROOTS, **wishes)
        values: dict[str, Any] = {"now": NOW, "data": DATA, "roots": ROOTS, "policy": text} | fields
        every = [code if code.startswith(OF_ALL) else f"{self.tee}.{code}" for code in codes]
        return make(f"{self.tee}/{name}", fault, pack_evidence(self.tee, raw, endorsements, **(parts or {})), *every,
                    **values)  # fmt: skip

    def documents(self, machine: Machine) -> dict[str, bytes | None]:
        """The pieces of another machine's documents."""
        changed: dict[str, bytes | None] = {}
        if machine.tcb_info != self.machine.tcb_info:
            changed["tcb_info"] = FAKE.sign_document("tcbInfo", machine.tcb_info)
        if machine.identity != self.machine.identity:
            changed["identity"] = FAKE.sign_document("enclaveIdentity", machine.identity)
        return changed

    def level(self, status: str, *advisories: str) -> dict[str, bytes | None]:
        """TCB info in which the platform's level has this status."""
        info = deepcopy(self.machine.tcb_info)
        info["tcbLevels"][0].update(tcbStatus=status, advisoryIDs=list(advisories))
        return self.documents(replace(self.machine, tcb_info=info))

    def report(self, **changes: Any) -> Machine:
        """The machine with another report."""
        return replace(self.machine, report=replace(self.machine.report, **changes))

    def pck(self, **changes: Any) -> Machine:
        """The machine with another extension of its certificate."""
        return replace(self.machine, pck=replace(self.machine.pck, **changes))

    def qe(self, **changes: Any) -> Machine:
        """The machine with another quoting enclave."""
        return replace(self.machine, qe=replace(self.machine.qe, **changes))

    def under(self, *certificates: Holder | bytes) -> Quote:
        """The same quote with another chain, leaf first."""
        ders = [one.der if isinstance(one, Holder) else one for one in certificates]
        return replace(self.quote, certification=to_pem(ders))

    def leaf(self, issuer: Holder = FAKE.platform_ca, name: str = PCK, now: datetime = NOW, **fields: Any) -> Holder:
        """A certificate of the platform's key that is not as usual."""
        return issue(name, "pck", now, issuer, **{"extensions": {OID: self.machine.pck.encode()}, **fields})


def shared(bench: Bench) -> Iterator[Vector]:
    """The vectors that both TEEs have, each group in turn."""
    for group in (healthy, forms, signatures, enclaves, chains, lists, collateral, levels, policies):
        yield from group(bench)


def healthy(bench: Bench) -> Iterator[Vector]:
    """Right ones: the positive twins."""
    yield bench.vector("right", "")
    yield bench.vector("right-without-a-question", "", data=None)
    yield bench.vector("right-zeros-behind", "", quote=bench.quote.encode() + bytes(70))
    single = bench.pck(platform_instance_id=None, configuration=(), sgx_type=0)
    processor = {"pck_list": FAKE.revocation_list(FAKE.processor_ca)}
    yield bench.vector("right-of-one-package", "", machine=single, pieces=processor)
    yield bench.vector("right-data-of-the-quoting-enclave", "", quote=FAKE.sign_quote(bench.machine, qe_auth=b"any"))
    yield bench.vector("right-attributes-outside-of-the-mask", "", machine=bench.qe(flags=0x15 ^ 0x04, xfrm=0x207))
    leaf, authority, _ = FAKE.chain(bench.machine.pck)
    yield bench.vector("right-root-among-the-endorsements", "", quote=bench.under(leaf, authority))
    crlf = replace(bench.quote, certification=bench.quote.certification.replace(b"\n", b"\r\n"))
    yield bench.vector("right-other-line-ends", "", quote=crlf)
    reached = tuple(one["svn"] for one in bench.machine.tcb_info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"])
    yield bench.vector("right-just-reached", "", machine=bench.pck(components=reached, pce_svn=11))


def forms(bench: Bench) -> Iterator[Vector]:
    """Faults of the quote's form."""
    raw = bench.quote.encode()
    for version in (2, 6):
        yield bench.vector(
            f"version-{version}", "a version that is not known", "version", quote=bytes((version,)) + raw[1:]
        )
    for name, data in {"header-cut": raw[:47], "body-cut": raw[:300], "last-byte-cut": raw[:-1]}.items():
        yield bench.vector(name, "not a whole quote", "size", quote=data)
    yield bench.vector("too-large", "more bytes than any quote has", "size", quote=raw + bytes(33000))
    yield bench.vector("byte-behind", "something behind the quote", "trailing", quote=raw + bytes(69) + b"\1")
    for name, field, code in (
        ("key-type-p384", {"key_type": 3}, "key_type"),
        ("certification-encrypted-ppid", {"certification_type": 3}, "certification_type"),
        ("vendor", {"vendor": INTEL[::-1]}, "vendor"),
    ):
        header = {**bench.machine.header, **field}
        yield bench.vector(name, "a header that is not Intel's", code, machine=replace(bench.machine, header=header))
    yield bench.vector("unknown-part", "a part that no quote has", "evidence.parts", parts={"surprise": b"x"})
    yield bench.vector(
        "junk-endorsement", "an endorsement that is nothing", "endorsement.malformed", pieces={"junk": b"\x30\0"}
    )
    for name, wanted in {"reversed": DATA[::-1], "short": DATA[:32], "empty": b""}.items():
        yield bench.vector(f"question-{name}", "made for another question", "report_data", data=wanted)


def signatures(bench: Bench) -> Iterator[Vector]:
    """Faults of the signatures in the quote."""
    quote = bench.quote
    body = quote.body[:-1] + bytes((quote.body[-1] ^ 1,))
    yield bench.vector("body-bit", "a bit of the body", "signature", quote=replace(quote, body=body), data=None)
    yield bench.vector("header-bit", "user data in the header", "signature", quote=replace(quote, user_data=b"\1" * 20))
    both = ("signature", "signature.encoding")
    for name, numbers in {"zero": bytes(64), "too-large": ORDER.to_bytes(32, "big") + b"\1" * 32}.items():
        yield bench.vector(f"signature-{name}", "numbers out of range", *both, quote=replace(quote, signature=numbers))
        wrong = replace(quote, qe_signature=numbers)
        yield bench.vector(f"qe-signature-{name}", "numbers out of range", "qe.signature", both[1], quote=wrong)
    yield bench.vector(
        "key-is-no-point", "a key that is no point", *both, "qe.report_data",
        quote=replace(quote, attestation_key=b"\1" * 64),
    )  # fmt: skip
    key = ec.generate_private_key(ec.SECP256R1())
    own = replace(quote, attestation_key=raw_point(key))
    own = replace(own, signature=raw_signature(key, own.signed_bytes()))
    yield bench.vector("attestation-key-of-the-host", "nobody vouches for the key", "qe.report_data", quote=own)
    other = replace(quote, qe_auth=b"\1" * 32)
    yield bench.vector("qe-data", "other data of the quoting enclave", "qe.report_data", quote=other)
    longer = bench.qe(report_data=quote.qe_report[-64:-32] + b"\1" * 32)
    yield bench.vector("qe-report-data-more", "more than the hash", "qe.report_data", machine=longer)
    yield bench.vector(
        "qe-by-another-key", "the platform did not sign", "qe.signature",
        quote=FAKE.sign_quote(bench.machine, pck_key="another"),
    )  # fmt: skip


def enclaves(bench: Bench) -> Iterator[Vector]:
    """Another quoting enclave than Intel's."""
    others: dict[str, dict[str, Any]] = {
        "mrsigner": {"mr_signer": b"\x33" * 32},
        "isvprodid": {"isv_prod_id": 9},
        "miscselect": {"misc_select": 1},
        "attributes": {"flags": 0x17},
    }
    for name, changes in others.items():
        yield bench.vector(f"qe-{name}", "another quoting enclave", f"qe.{name}", machine=bench.qe(**changes))
    yield bench.vector(
        "qe-unknown-level", "older than any that Intel lists", "qe.level", "tcb_status", machine=bench.qe(isv_svn=3)
    )
    yield bench.vector("qe-out-of-date", "an old quoting enclave", "tcb_status", machine=bench.qe(isv_svn=7))


def chains(bench: Bench) -> Iterator[Vector]:
    """Faults of the platform's chain."""
    platform, root = FAKE.platform_ca, FAKE.root
    leaf, *_ = FAKE.chain(bench.machine.pck)
    yield bench.vector(
        "forged-root", "a root with Intel's name that nobody trusts", "chain.root", "collateral.chain.root", roots=()
    )
    names = ("chain.names", "chain.signature")
    forged = issue(AUTHORITIES[0], "platform", NOW, STRANGER.processor_ca, path_length=0)
    paths: dict[str, tuple[str, tuple[str, ...], tuple[Holder | bytes, ...]]] = {
        "order": ("authority and root the wrong way round", (*names, "chain.kind", "chain.authority"),
                  (leaf, root, platform)),
        "another-authority": ("under another authority than it stands", names,
                              (bench.leaf(FAKE.processor_ca), platform, root)),
        "authority-forged": ("the root did not sign the authority", names, (leaf, forged, root)),
        "leaf-under-the-root": ("no authority between", ("chain.kind",), (bench.leaf(root), root)),
    }  # fmt: skip
    leaves = {
        "of-another-kind": ("chain.kind", bench.leaf(name=SIGNER)),
        "is-an-authority": ("chain.authority", bench.leaf(path_length=0)),
        "expired": ("chain.validity", bench.leaf(now=NOW - DAY, lifetime=DAY)),
        "without-platform": ("pck", bench.leaf(extensions={})),
        "with-a-broken-platform": ("pck", bench.leaf(extensions={OID: b"\x30\3\2\1\1"})),
    }
    paths |= {f"leaf-{name}": ("no right certificate", (code,), (one, platform, root))
              for name, (code, one) in leaves.items()}  # fmt: skip
    for name, (fault, codes, path) in paths.items():
        yield bench.vector(name, fault, *codes, quote=bench.under(*path))
    pem = bench.quote.certification
    rewritten = {
        "no-zero": pem[:-1] + b"\1", "another-word": pem.replace(b"BEGIN", b"BEGAN", 1),
        "no-base64": pem.replace(b"MII", b"M*I", 1), "text-before": b"# chain\n" + pem, "nothing": b"",
        "twice": pem[:-1] * 2 + b"\0",
    }  # fmt: skip
    for name, text in rewritten.items():
        yield bench.vector(f"chain-{name}", "certificates in another form", "chain.form",
                           quote=replace(bench.quote, certification=text))  # fmt: skip
    middle = issue(ROOT, "middle", NOW, root, path_length=1)
    below = issue(AUTHORITIES[0], "platform", NOW, middle, path_length=0)
    long = bench.under(bench.leaf(below), below, middle, root)
    yield bench.vector("chain-one-more", "an authority too many", "chain.kind", "chain.authority", "crl", quote=long)


def lists(bench: Bench) -> Iterator[Vector]:
    """Faults of the revocation lists."""
    leaf = bench.leaf()
    quote = bench.under(leaf, FAKE.platform_ca, FAKE.root)
    serials = leaf.certificate.serial_number, FAKE.platform_ca.certificate.serial_number
    revoking = FAKE.revocation_list
    platform = revoking(FAKE.platform_ca, revoked=serials[:1])
    yield bench.vector("right-another-revoked", "", quote=quote,
                       pieces={"pck_list": revoking(FAKE.platform_ca, revoked=(1, 2, 3))})  # fmt: skip
    yield bench.vector("revoked-platform", "the platform is revoked", "crl", quote=quote, pieces={"pck_list": platform})
    pieces = {
        "revoked-authority": ({"root_list": revoking(revoked=serials[1:])}, "crl"),
        "revoked-signer": (
            {"root_list": revoking(revoked=(FAKE.signer.certificate.serial_number,))},
            "collateral.crl",
        ),
        "list-forged": ({"pck_list": revoking(FAKE.platform_ca, key=key_of("signer"))}, "crl"),
        "list-outdated": ({"pck_list": revoking(FAKE.platform_ca, now=NOW - 31 * DAY)}, "crl"),
        "list-of-tomorrow": ({"pck_list": revoking(FAKE.platform_ca, now=NOW + DAY)}, "crl"),
    }
    for name, (changed, code) in pieces.items():
        yield bench.vector(name, "a revocation list", code, pieces=changed)
    yield bench.vector("list-of-the-other-authority", "another authority's list", "collateral.ca",
                       pieces={"pck_list": revoking(FAKE.processor_ca)})  # fmt: skip


def collateral(bench: Bench) -> Iterator[Vector]:
    """Faults of the collateral."""
    for name in PIECES[:-1]:
        yield bench.vector(f"no-{name.replace('_', '-')}", "a piece of collateral is missing", "collateral.missing",
                           pieces={name: None}, verdict="unavailable")  # fmt: skip
    nothing = dict.fromkeys(PIECES)
    yield bench.vector("no-collateral", "nothing came along", "collateral.missing", pieces=nothing,
                       verdict="unavailable")  # fmt: skip
    yield bench.vector("no-root", "the signer's path has no end", "collateral.chain.root", pieces={"root": None})
    info, identity = bench.machine.tcb_info, bench.machine.identity
    other = FAKE.tcb_info("SGX" if bench.tee == "tdx" else "TDX"), FAKE.identity("SGX" if bench.tee == "tdx" else "TDX")
    kinds: dict[str, bytes] = {"tcb_info": FAKE.sign_document("tcbInfo", other[0]),
                               "identity": FAKE.sign_document("enclaveIdentity", other[1])}  # fmt: skip
    for name, document in kinds.items():
        yield bench.vector(
            f"{name.replace('_', '-')}-of-the-other-tee", "of the other TEE", "collateral.kind", pieces={name: document}
        )
    for name, changes in {"fmspc": {"fmspc": bytes(6)}, "pce": {"pce_id": b"\1\0"}}.items():
        yield bench.vector(
            f"platform-of-another-{name}",
            "TCB info of another platform",
            "collateral.platform",
            machine=bench.pck(**changes),
        )
    signed = {
        "tcb-info-by-a-platform": {"tcb_info": FAKE.sign_document("tcbInfo", info, signer="pck")},
        "identity-by-a-platform": {"identity": FAKE.sign_document("enclaveIdentity", identity, signer="pck")},
        "tcb-info-formatted-anew": {"tcb_info": json.dumps(json.loads(bench.pieces["tcb_info"]), indent=1).encode()},
        "tcb-info-changed": {"tcb_info": bench.pieces["tcb_info"].replace(b"OutOfDate", b"UpToDate", 1)},
    }
    for name, pieces in signed.items():
        yield bench.vector(name, "Intel did not sign this", "collateral.signature", pieces=pieces)
    rights: dict[str, tuple[Holder, tuple[str, ...]]] = {
        "signer-is-an-authority": (issue(SIGNER, "signer", NOW, FAKE.root, path_length=0), ("authority",)),
        "signer-expired": (issue(SIGNER, "signer", NOW - DAY, FAKE.root, lifetime=DAY), ("validity",)),
        "signer-of-a-stranger": (issue(SIGNER, "signer", NOW, STRANGER.platform_ca), ("root",)),
        "signer-forged": (Holder(_flipped(FAKE.signer.der), FAKE.signer.key), ("signature",)),
    }
    for name, (signer, names) in rights.items():
        yield bench.vector(name, "a signer without the right", *(f"collateral.chain.{one}" for one in names),
                           pieces={"signer": signer.der})  # fmt: skip
    yield from _periods(bench)


def _flipped(der: bytes) -> bytes:
    """The certificate with another last bit of its signature."""
    return der[:-1] + bytes((der[-1] ^ 1,))


def _periods(bench: Bench) -> Iterator[Vector]:
    """Documents that are not in force, and others that just are."""
    for which in ("tcb_info", "identity"):
        for name, begins, ends in (("of-tomorrow", 1, 30), ("of-last-month", -30, -1), ("ends-now", -1, 0)):
            dates = {"issueDate": to_rfc3339(NOW + begins * DAY), "nextUpdate": to_rfc3339(NOW + ends * DAY)}
            changed = replace(bench.machine, **{which: getattr(bench.machine, which) | dates})
            right = name == "ends-now"
            fault, codes = ("", ()) if right else ("not in force", ("collateral.dates",))
            label = f"{'right-' if right else ''}{which.replace('_', '-')}-{name}"
            yield bench.vector(label, fault, *codes, pieces=bench.documents(changed))


def levels(bench: Bench) -> Iterator[Vector]:
    """Platforms that are not up to date."""
    for status in ("SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
                   "OutOfDateConfigurationNeeded"):  # fmt: skip
        yield bench.vector(f"status-{status}", "a status that only a policy accepts", "tcb_status",
                           pieces=bench.level(status, "INTEL-SA-00001"))  # fmt: skip
    both = ("tcb.revoked", "tcb_status")
    yield bench.vector("revoked-level", "a level that is revoked", *both, pieces=bench.level("Revoked"))
    identity = deepcopy(bench.machine.identity)
    identity["tcbLevels"][0]["tcbStatus"] = "Revoked"
    revoked = bench.documents(replace(bench.machine, identity=identity))
    yield bench.vector("revoked-quoting-enclave", "a quoting enclave that is revoked", *both, pieces=revoked)
    old = bench.pck(components=OLD, cpu_svn=bytes(OLD))
    yield bench.vector("old-components", "a lower level", "tcb_status", machine=old)
    below = bench.pck(components=(0,) * 16, cpu_svn=bytes(16))
    yield bench.vector("below-every-level", "below all levels", "tcb.level", "tcb_status", machine=below)
    yield bench.vector("old-pce", "a PCE below all levels", "tcb.level", "tcb_status", machine=bench.pck(pce_svn=10))


def policies(bench: Bench) -> Iterator[Vector]:
    """What policies want of a platform."""
    held: dict[str, object] = {
        "minimum_evaluation": 18, "fmspcs": ["b0c06f000000"], "smt": False, "maximum_collateral_age": 1,
        "chip_ids": [bytes(range(16)).hex()], "denied_chip_ids": ["00" * 16],
    }  # fmt: skip
    yield bench.vector("policy-defaults", "", policy={})
    yield bench.vector("policy-all-held", "", policy=held)
    broken = {
        "minimum_evaluation": (19, "evaluation"), "fmspcs": (["00" * 6], "fmspc"),
        "chip_ids": (["00" * 16], "policy.chip.allowed"), "denied_chip_ids": (held["chip_ids"], "policy.chip.denied"),
    }  # fmt: skip
    for name, (value, code) in broken.items():
        yield bench.vector(f"policy-{name}", "the policy wants otherwise", code, policy={name: value})
    smt = bench.pck(configuration=(("smt_enabled", True),))
    yield bench.vector("policy-smt", "multithreading is on", "smt", machine=smt, policy={"smt": False})
    hardening = bench.level("SWHardeningNeeded", "INTEL-SA-00615")
    accepted = {"tcb_status": ["UpToDate", "SWHardeningNeeded"]}
    yield bench.vector("policy-status", "a status that the policy does not accept", "tcb_status", "advisories",
                       pieces=hardening, policy={})  # fmt: skip
    yield bench.vector("policy-advisories", "an advisory that the policy does not accept", "advisories",
                       pieces=hardening, policy=accepted)  # fmt: skip
    yield bench.vector("policy-right-status", "", pieces=hardening,
                       policy={**accepted, "advisories": ["INTEL-SA-00615"]})  # fmt: skip
    yield bench.vector("policy-revoked", "a level that no policy can accept", "tcb.revoked", "tcb_status",
                       pieces=bench.level("Revoked"), policy={"tcb_status": ["UpToDate", "OutOfDate"]})  # fmt: skip
    issued = bench.machine.identity | {"issueDate": to_rfc3339(NOW - 10 * DAY)}
    aged = bench.documents(replace(bench.machine, identity=issued))
    yield bench.vector("policy-age", "collateral of ten days ago", "collateral.age", pieces=aged,
                       policy={"maximum_collateral_age": 9})  # fmt: skip
    yield bench.vector("policy-right-age", "", pieces=aged, policy={"maximum_collateral_age": 10})
    yield bench.vector("policy-no-collateral", "nothing came along", "collateral.missing", policy={},
                       pieces=dict.fromkeys(PIECES), verdict="unavailable")  # fmt: skip
