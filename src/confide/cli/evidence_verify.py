"""`confide evidence verify`: is evidence genuine, and is it what a policy wants?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from confide.cli.framework import Reply, explain
from confide.cli.policy_file import read_policy
from confide.clock import from_rfc3339, system_clock, to_rfc3339
from confide.errors import Check, ConfideError, Finding, Misuse, Refused
from confide.evidence.bundle import EvidenceBundle
from confide.evidence.endorsements import split_endorsements
from confide.evidence.recognition import MAX_BYTES, recognise
from confide.ids import to_base64
from confide.policy import Policy, judge
from confide.verify import FORMATS, Examination, Trust, examine_alone
from confide.verify.x509 import MalformedCertificateError, parse_item

DESCRIPTION = """\
Verifies attestation evidence, offline. Without a policy the best answer is "genuine": the certificates, the
signature and the state of the platform are in order, and nothing was compared with anybody's wishes. With a
policy it is "affirmed". Otherwise it is "refused", with every reason at once, or "unavailable" where nothing is
wrong but the certificates to tell by are missing. A file that is no known evidence is refused (evidence.format).
Exit codes: 0 affirmed or genuine, 1 refused, 3 unavailable.

Example:
  confide evidence verify report.bin --endorsements vcek.der cert_chain.pem --nonce 00c0ffee --json
"""
_NONCE_SIZE = 64
_EXIT_CODES = {"affirmed": 0, "genuine": 0, "refused": 1, "unavailable": 3}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "evidence", type=Path, metavar="EVIDENCE",
        help="a report (raw, extended, hexadecimal or base64), or a confide-evidence/1 bundle",
    )  # fmt: skip
    parser.add_argument(
        "--endorsements", type=Path, nargs="+", default=[], action="extend", metavar="PATH",
        help="certificates and revocation lists: DER, PEM (several in one file), a certificate table, or a folder",
    )  # fmt: skip
    parser.add_argument("--policy", type=Path, metavar="FILE", help="appraise against this policy")
    parser.add_argument(
        "--nonce", metavar="HEX",
        help="the 64 bytes of report data that the evidence must carry; fewer are filled up with zero bytes",
    )  # fmt: skip
    parser.add_argument("--at", metavar="RFC3339", help="verify at this time, such as 2026-01-31T12:00:00Z, not now")
    parser.add_argument("--format", choices=sorted(FORMATS), help="the format, where it is not recognised")


def run(args: argparse.Namespace) -> Reply:
    """Verifies, and answers with the same document whatever the verdict."""
    now = from_rfc3339(args.at) if args.at else system_clock()
    report_data = _read_nonce(args.nonce)
    policy = read_policy(args.policy) if args.policy else None
    try:
        bundle = _with_endorsements(recognise(_read(args.evidence), args.format), args.endorsements)
        exam = _examine(bundle, policy, report_data, now)
    except Refused as failure:
        return _reply("refused", args.format, None, now, checks=_failed(failure), findings=failure.findings)
    try:
        exam.conclude()
        verdict = "affirmed" if policy else "genuine"
    except ConfideError as failure:
        verdict = failure.kind
    return _reply(verdict, exam.format, exam, now, checks=exam.checklist.checks, findings=exam.checklist.findings)


def _examine(bundle: EvidenceBundle, policy: Policy | None, report_data: bytes | None, now: datetime) -> Examination:
    if policy is None:
        return examine_alone(bundle, now=now, report_data=report_data, trust=Trust())
    return judge(bundle, policy, report_data=report_data, now=now)


def _failed(failure: Refused) -> tuple[Check, ...]:
    return tuple(Check(code, "failed") for code in failure.codes)


def _read(path: Path) -> bytes:
    """The file's bytes, and one more than is ever taken where it is larger: it is not read to its end."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _read_nonce(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        nonce = bytes.fromhex(text)
    except ValueError:
        nonce = b""
    if not 0 < len(nonce) <= _NONCE_SIZE:
        raise Misuse.because(
            "cli.nonce",
            got=f"--nonce with {len(text)} characters that are not 1 to {_NONCE_SIZE} bytes in hexadecimal",
            wanted=f"1 to {_NONCE_SIZE} bytes in hexadecimal",
            remedy="Give the report data that the evidence was asked for with.",
        )
    return nonce.ljust(_NONCE_SIZE, b"\0")


def _with_endorsements(bundle: EvidenceBundle, paths: Sequence[Path]) -> EvidenceBundle:
    """The bundle with the endorsements of all paths after its own, each once."""
    items = [*bundle.endorsements, *(to_base64(item) for path in paths for item in _endorsements(path))]
    return EvidenceBundle(bundle.format, bundle.evidence, tuple(dict.fromkeys(items)))


def _endorsements(path: Path) -> Iterator[bytes]:
    if not path.is_dir():
        yield from split_endorsements(_read(path))
        return
    for file in sorted(one for one in path.iterdir() if one.is_file()):
        try:
            items = split_endorsements(_read(file))
            for item in items:
                parse_item(item)
        except (Refused, MalformedCertificateError):
            print(f"{file} holds no certificate or list; it is left out.", file=sys.stderr)
            continue
        yield from items


def _reply(
    verdict: str,
    format_name: str | None,
    exam: Examination | None,
    now: datetime,
    *,
    checks: Sequence[Check],
    findings: Sequence[Finding],
) -> Reply:
    document = {
        "verdict": verdict,
        "format": format_name,
        "simulated": exam.simulated if exam else False,
        "claims": exam.claims() if exam else {},
        "checks": [check.to_dict() for check in checks],
        "findings": [finding.to_dict() for finding in findings],
        "verified_at": to_rfc3339(now),
    }
    simulated = " (SIMULATED: it protects nothing)" if document["simulated"] else ""
    lines = [f"{check.outcome:<15} {check.code:<32} {check.reason}".rstrip() for check in checks]
    lines += [explain(finding) for finding in findings]
    lines.append(f"{verdict}{simulated}, at {to_rfc3339(now)}")
    return Reply(document, "\n".join(lines), _EXIT_CODES[verdict])
