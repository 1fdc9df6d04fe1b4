"""Step 8 of `confide.verify.nvidia`: do the measurements have the values that NVIDIA's reference manifests allow?

 8.1 Each manifest is in NVIDIA's form (`confide.evidence.rim`).
 8.2 Its content has the digest that the signature names (W3C XML Signature, section 3.2.1), and the key of its first
     certificate made the signature (section 3.2.2): ECDSA P-384 with SHA-384.
 8.3 Its certificates lead to NVIDIA's root of manifests: pinned by value, names, authority, signatures, validity,
     revocation lists and answers by OCSP that came along.
 8.4 It is of this device: the chip's family and edition, and the version of the driver or of the VBIOS.
 8.5 No two manifests name a value for the same measurement, and each named measurement has one of its values; the one
     of the video decoder (35) is left out where the GPU reports that decoder as disabled (nvtrust, verifier.py).

Without manifests nothing is compared, and the checks say so; whether they must come along is the policy's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from confide.checklist import Checklist
from confide.errors import Refused
from confide.evidence.nvidia import NvidiaReport
from confide.evidence.rim import Rim, parse_rim
from confide.evidence.spdm import SIGNATURE_SIZE
from confide.verify.anchors import NVIDIA_RIM_ROOTS
from confide.verify.chains import PathRules, check_path, find_path
from confide.verify.examination import Examination
from confide.verify.nvidia_ocsp import Answer, check_answers
from confide.verify.nvidia_products import product_of
from confide.verify.signatures import verifies
from confide.verify.trust import Trust
from confide.verify.x509 import Certificate, MalformedCertificateError, RevocationList, parse_item

ALGORITHMS = frozenset({"ecdsa-sha384"})
MAX_MANIFESTS = 8
VIDEO_DECODER = 35
CODES = frozenset(
    f"rim.{name}"
    for name in (
        "malformed", "digest", "signature", "chain.root", "chain.names", "chain.authority", "chain.signature",
        "chain.validity", "crl", "ocsp", "device", "conflict", "measurements",
    )
)  # fmt: skip
_EDITIONS = {"Hopper": "GPU", "Blackwell": "GPU", "LS10": "SWITCH"}
_FORGED = "Do not trust this manifest: fetch it from NVIDIA's RIM service."
_NONE = "no reference manifest came along: the measurements were compared with nothing"


def check_manifests(
    manifests: Sequence[bytes],
    report: NvidiaReport,
    product: str | None,
    *,
    lists: Sequence[RevocationList],
    answers: Sequence[Answer],
    trust: Trust,
    exam: Examination,
) -> tuple[str, ...]:
    """Step 8. Returns the roles, `driver` or `vbios`, of the manifests that are of this device."""
    checklist = exam.checklist
    if not manifests:
        for code in sorted(CODES):
            checklist.not_applicable(code, _NONE)
        return ()
    rims = _parse(manifests, checklist)  # 8.1
    if not rims:
        _not_checked(CODES - {"rim.malformed"}, "rim.malformed", checklist)
        return ()
    for rim, path in rims:
        check_content(rim, checklist)  # 8.2
        check_signature(rim, path[0], checklist)  # 8.2
        _check_chain(path, lists, trust, exam)  # 8.3
        check_answers("rim", path, answers, exam.now, checklist)  # 8.3
    roles = [check_device(rim, report, product, checklist) for rim, _ in rims]  # 8.4
    fitting = [rim for (rim, _), role in zip(rims, roles, strict=True) if role]
    check_conflict(fitting, checklist)  # 8.5
    check_measurements(fitting, report, checklist)  # 8.5
    return tuple(dict.fromkeys(role for role in roles if role))


def _not_checked(codes: Collection[str], cause: str, checklist: Checklist) -> None:
    for code in sorted(codes):
        checklist.unchecked(code, cause)


def _parse(manifests: Sequence[bytes], checklist: Checklist) -> list[tuple[Rim, list[Certificate]]]:
    """Step 8.1: the manifests with the paths of their certificates; empty where one does not parse."""
    try:
        if len(manifests) > MAX_MANIFESTS:
            raise _malformed(f"{len(manifests)} manifests", f"at most {MAX_MANIFESTS}")
        rims = [parse_rim(one) for one in manifests]
        found = [(rim, _path(rim)) for rim in rims]
    except Refused as failure:
        checklist.absorb(failure)
        return []
    checklist.expect("rim.malformed", passed=True, got="", wanted="", remedy="")
    return found


def _malformed(got: str, wanted: str) -> Refused:
    return Refused.because("rim.malformed", got=got, wanted=wanted, remedy=_FORGED)


def _path(rim: Rim) -> list[Certificate]:
    """The path from the first certificate upwards, of the manifest's own certificates. Raises Refused."""
    try:
        items = [parse_item(one) for one in rim.certificates]
    except MalformedCertificateError:
        raise _malformed("a certificate that does not parse", "the signer's certificates") from None
    certificates = [one for one in items if isinstance(one, Certificate)]
    if len(certificates) != len(items):
        raise _malformed("a revocation list among the certificates", "the signer's certificates")
    return find_path(certificates[0], certificates, ALGORITHMS)


# 8.2 Digest and signature


def check_content(rim: Rim, checklist: Checklist) -> None:
    """Step 8.2: the digest that is signed is that of the document."""
    checklist.expect(
        "rim.digest",
        hashlib.sha384(rim.content).digest() == rim.digest,
        got=f"a manifest for {rim.version} that was changed after it was signed",
        wanted="the digest that the signature names",
        remedy=_FORGED,
    )


def check_signature(rim: Rim, signer: Certificate, checklist: Checklist) -> None:
    """Step 8.2: the signer's key signed the digest."""
    checklist.expect(
        "rim.signature",
        _signed(rim, signer.public_key),
        got="a signature that does not verify",
        wanted=f"a signature by the key in {signer.common_name}, ECDSA P-384 with SHA-384",
        remedy=_FORGED,
    )


def _signed(rim: Rim, key: object) -> bool:
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP384R1):
        return False
    half = SIGNATURE_SIZE // 2
    r, s = (int.from_bytes(part, "big") for part in (rim.signature[:half], rim.signature[half:]))
    whole = len(rim.signature) == SIGNATURE_SIZE
    return whole and verifies("ecdsa-sha384", key, encode_dss_signature(r, s), rim.signed_info)


# 8.3 The chain


def _check_chain(path: Sequence[Certificate], lists: Sequence[RevocationList], trust: Trust, exam: Examination) -> None:
    """Step 8.3: a root that only the caller trusts makes the whole SIMULATED."""
    rules = PathRules(
        prefix="rim", vendor="NVIDIA for reference manifests", roots=NVIDIA_RIM_ROOTS, algorithms=ALGORITHMS,
        simulated=trust.simulated_roots,
    )  # fmt: skip
    check_path(path, rules, now=exam.now, checklist=exam.checklist, lists=lists)
    root = path[-1].fingerprint
    exam.simulated = exam.simulated or (root in trust.simulated_roots and root not in NVIDIA_RIM_ROOTS)


# 8.4 The device


def check_device(rim: Rim, report: NvidiaReport, product: str | None, checklist: Checklist) -> str | None:
    """Step 8.4: what the manifest is for. Returns its role: `driver` or `vbios`; None where it is of another device."""
    versions = {"driver": report.driver_version, "vbios": report.vbios_version}
    role = next((name for name, version in versions.items() if (version or "").upper() == rim.version.upper()), None)
    chip = product is not None and product_of(rim.product) == product and rim.edition == _EDITIONS[product]
    checklist.expect(
        "rim.device",
        chip and role is not None,
        got=f"a manifest for {rim.product} ({rim.edition}) {rim.version}",
        wanted=f"one for {product} with driver {versions['driver']} or VBIOS {versions['vbios']}",
        remedy="Fetch the manifests of this device's driver and VBIOS, and leave out others.",
    )
    return role if chip else None


# 8.5 Measurements


def check_conflict(rims: Sequence[Rim], checklist: Checklist) -> None:
    """Step 8.5: each measurement is the business of one manifest."""
    indexes = [index for rim in rims for index in rim.references]
    twice = sorted({index for index in indexes if indexes.count(index) > 1})
    checklist.expect(
        "rim.conflict",
        not twice,
        got=f"values for measurement {', '.join(map(str, twice))} in two manifests",
        wanted="each measurement in one manifest",
        remedy="Give each manifest once: one of the driver, one of the VBIOS.",
    )


def check_measurements(rims: Sequence[Rim], report: NvidiaReport, checklist: Checklist) -> None:
    """Step 8.5: every active measurement has one of its values."""
    if not rims:
        checklist.unchecked("rim.measurements", "rim.device")
        return
    skipped = {VIDEO_DECODER} if report.switch("nvdec0_status") == "disabled" else set()
    measured = report.measured()
    references = {index: values for rim in rims for index, values in rim.references.items() if index not in skipped}
    wrong = [index for index, values in sorted(references.items()) if measured.get(index) not in values]
    checklist.expect(
        "rim.measurements",
        not wrong,
        got="; ".join(f"measurement {index} is {_shown(measured.get(index))}" for index in wrong),
        wanted="; ".join(f"measurement {index} as {_any_of(references[index])}" for index in wrong),
        remedy="The device runs other firmware or another driver than NVIDIA released, or in another state: do not "
        "trust it before that is explained.",
        reason=f"{len(references)} measurements compared",
    )


def _any_of(values: Sequence[bytes]) -> str:
    return " or ".join(_shown(one) for one in values[:4]) + (" or another" if len(values) > 4 else "")  # noqa: PLR2004 - enough to see


def _shown(value: bytes | None) -> str:
    return "missing" if value is None else f"{value.hex()[:16]}…"
