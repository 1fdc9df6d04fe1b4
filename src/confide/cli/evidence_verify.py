"""`confide evidence verify`: is evidence genuine, and is it what a policy wants?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from confide.cli.evidence_files import add_evidence_arguments, read_evidence, read_nonce
from confide.cli.framework import Reply
from confide.cli.trusted_keys import add_trust_key_argument, read_trusted_keys
from confide.clock import from_rfc3339, system_clock, to_rfc3339
from confide.errors import Check, ConfideError, Finding, Misuse, Refused

if TYPE_CHECKING:
    from confide.evidence.bundle import EvidenceBundle
    from confide.policy import Policy
    from confide.results import Appraised
    from confide.results.vector import Verdict
    from confide.verify import Examination

DESCRIPTION = """\
Verifies attestation evidence, offline. Without a policy the best answer is "genuine": the certificates, the
signature and the state of the platform are in order, and nothing was compared with anybody's wishes. With a
policy it is "affirmed". Otherwise it is "refused", with every reason at once, or "unavailable" where nothing is
wrong but the certificates to tell by are missing. A file that is no known evidence is refused (evidence.format).
Exit codes: 0 affirmed or genuine, 1 refused, 3 unavailable.

Several files are a machine and its devices, such as a CPU and its GPUs: all are verified, and a policy says with
`accept` which must come together. --ear KEY.pem also gives the verdict as a signed EAR for others to read.

Examples:
  confide evidence verify report.bin --endorsements vcek.der cert_chain.pem --nonce 00c0ffee --json
  confide evidence verify quote.bin gpu.json --endorsements collateral/ --policy policy.toml --ear key.pem
"""
_SHORTEST_NONCE, _LONGEST_NONCE = 8, 64
_EXIT_CODES = {"affirmed": 0, "genuine": 0, "refused": 1, "unavailable": 3}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_evidence_arguments(parser)
    parser.add_argument("--policy", type=Path, metavar="FILE", help="appraise against this policy")
    parser.add_argument(
        "--nonce", metavar="HEX",
        help="the report data or nonce that the evidence must carry; a short one is filled up with zero bytes to the "
        "size of the format's field",
    )  # fmt: skip
    add_trust_key_argument(parser)
    parser.add_argument("--at", metavar="RFC3339", help="verify at this time, such as 2026-01-31T12:00:00Z, not now")
    parser.add_argument(
        "--ear", type=Path, metavar="KEY.pem",
        help="give the verdict as an EAR too, a JWT signed with this private key (P-256, P-384 or Ed25519)",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The answer about the whole, or about one device."""

    verdict: Verdict
    format: str | None
    exam: Examination | None
    checks: Sequence[Check]
    findings: Sequence[Finding]

    def to_dict(self) -> dict[str, object]:
        return {
            "verdict": self.verdict,
            "format": self.format,
            "simulated": self.exam.simulated if self.exam else False,
            "claims": self.exam.claims() if self.exam else {},
            "checks": [check.to_dict() for check in self.checks],
            "findings": [finding_to_dict(finding) for finding in self.findings],
        }


def run(args: argparse.Namespace) -> Reply:
    """Verifies, and answers with the same document whatever the verdict."""
    now = from_rfc3339(args.at) if args.at else system_clock()
    policy = _policy(args.policy)
    keys = _trusted_keys(args, policy)
    signer = _signer(args.ear)
    question = None
    try:
        bundle = read_evidence(args)
        question = read_nonce(args.nonce, bundle.format)
        exam = _examine(bundle, policy, question, now, keys)
    except Refused as failure:
        whole = _Verdict("refused", args.format, None, _failed(failure), failure.findings)
    else:
        whole = _conclude(exam, policy)
    devices = [_conclude(device, policy) for device in whole.exam.devices] if whole.exam else []
    ear = _sign(signer, [whole, *devices], policy, question, now) if signer else None
    return _reply(whole, devices, now, ear)


def _policy(path: Path | None) -> Policy | None:
    if path is None:
        return None
    from confide.cli.policy_file import read_policy  # noqa: PLC0415 - only where there is a policy

    return read_policy(path)


def _trusted_keys(args: argparse.Namespace, policy: Policy | None) -> frozenset[str]:
    if policy is not None and args.trust_key:
        raise Misuse.because(
            "cli.trust_key",
            got="--trust-key beside --policy",
            wanted="trust from one place",
            remedy='Write the key\'s fingerprint into the policy: trusted_keys = ["sha256:…"].',
        )
    return read_trusted_keys(args.trust_key)


def _examine(
    bundle: EvidenceBundle, policy: Policy | None, question: bytes | None, now: datetime, keys: frozenset[str]
) -> Examination:
    from confide.verify import Trust, examine_alone  # noqa: PLC0415 - --help needs no verifier

    if policy is None:
        return examine_alone(bundle, now=now, report_data=question, trust=Trust(keys=keys))
    from confide.policy import judge  # noqa: PLC0415 - only where there is a policy

    return judge(bundle, policy, report_data=question, now=now)


def _conclude(exam: Examination, policy: Policy | None) -> _Verdict:
    verdict: Verdict = "affirmed" if policy else "genuine"
    try:
        exam.conclude()
    except ConfideError as failure:
        verdict = "unavailable" if failure.kind == "unavailable" else "refused"
    return _Verdict(verdict, exam.format, exam, exam.checklist.checks, exam.checklist.findings)


def _failed(failure: Refused) -> tuple[Check, ...]:
    return tuple(Check(code, "failed") for code in failure.codes)


def finding_to_dict(finding: Finding) -> dict[str, str]:
    """The finding with the field of the specification that it is about, where its code names one."""
    from confide.policy.codes import CODES  # noqa: PLC0415 - --help needs no codes

    code = CODES.get(finding.code)
    return finding.to_dict() | ({"field": code.field} if code and code.field else {})


def _signer(path: Path | None) -> object:
    """The key of --ear. It is read first: a wrong one is no verdict."""
    if path is None:
        return None
    from confide.results.ear import load_signing_key  # noqa: PLC0415 - only where it is asked for

    with path.open("rb") as file:
        return load_signing_key(file.read(1 << 16))


def _sign(
    signer: object, pieces: Sequence[_Verdict], policy: Policy | None, question: bytes | None, now: datetime
) -> str:
    from confide.results.ear import SigningKey, make_ear, sign_ear  # noqa: PLC0415 - only where it is asked for

    assert isinstance(signer, SigningKey)
    labels = [piece.format or "evidence" for piece in pieces]
    named = {
        label if labels.count(label) == 1 else f"{label}-{number}": _appraised(piece, policy, question)
        for number, (label, piece) in enumerate(zip(labels, pieces, strict=True), 1)
    }
    return sign_ear(make_ear(named, now=now), signer)


def _appraised(piece: _Verdict, policy: Policy | None, question: bytes | None) -> Appraised:
    from confide.results import Appraised  # noqa: PLC0415 - only where it is asked for

    return Appraised(
        format=piece.format or "unknown",
        verdict=piece.verdict,
        simulated=piece.exam.simulated if piece.exam else False,
        checks=tuple(piece.checks),
        failed=tuple(finding.code for finding in piece.findings),
        claims=piece.exam.claims() if piece.exam else {},
        policy=policy.digest if policy else None,
        nonce=_found_nonce(piece, question),
    )


def _found_nonce(piece: _Verdict, question: bytes | None) -> bytes | None:
    """The question that the piece was found to answer, where it has the size that EAR takes (RFC 9711, section 4.1)."""
    from confide.verify.devices import question_for  # noqa: PLC0415 - only where an EAR is asked for
    from confide.verify.verifier import verifier_of  # noqa: PLC0415 - the same

    if question is None or piece.format is None or piece.verdict not in {"affirmed", "genuine"}:
        return None
    found = question_for(verifier_of(piece.format).NONCE_SIZE, question) or b""
    return found if _SHORTEST_NONCE <= len(found) <= _LONGEST_NONCE else None


def _reply(whole: _Verdict, devices: Sequence[_Verdict], now: datetime, ear: str | None) -> Reply:
    document = whole.to_dict() | {"verified_at": to_rfc3339(now)}
    document |= {"devices": [device.to_dict() for device in devices]} if devices else {}
    document |= {"ear": ear} if ear else {}
    return Reply(document, lambda: _text(whole, devices, now, ear), _EXIT_CODES[whole.verdict])


def _text(whole: _Verdict, devices: Sequence[_Verdict], now: datetime, ear: str | None) -> str:
    simulated = " (SIMULATED: it protects nothing)" if whole.exam and whole.exam.simulated else ""
    lines = [_checks_table(whole)]
    for number, device in enumerate(devices, 1):
        lines += [f"\ndevice {number} ({device.format}): {device.verdict}", _checks_table(device)]
    lines += [explain_with_field(finding_to_dict(finding)) for finding in whole.findings]
    lines += [f"EAR: {ear}"] if ear else []
    return "\n".join([*lines, f"{whole.verdict}{simulated}, at {to_rfc3339(now)}"])


def _checks_table(piece: _Verdict) -> str:
    from confide.cli.tables import table  # noqa: PLC0415 - answers in JSON need no tables

    return table([(check.outcome, check.code, check.reason) for check in piece.checks], ("outcome", "check", "reason"))


def explain_with_field(finding: Mapping[str, str]) -> str:
    """A finding for a person: code, field, got and wanted, and what to do."""
    where = f"\n    in {finding['field']}" if "field" in finding else ""
    said = f"got {finding['got']}; wanted {finding['wanted']}"
    return f"  {finding['code']}{where}\n    {said}\n    {finding['remedy']}"
