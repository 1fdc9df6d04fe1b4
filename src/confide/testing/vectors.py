"""Test vectors for verifiers of attestation evidence: evidence with one fault each, and what is to come out.

A file of vectors is JSON of the type `confide-vectors/1`, described in docs/reference/vectors.md. Everything in it is
made by fake vendors, whose roots each vector names; time is part of the vector, so that a vector never ages. Others can
run them on their own verifiers: the bytes are those that the platforms deliver, and the codes can be mapped.

    for vector in load_vectors(path.read_bytes()):
        assert run_vector(vector) == vector.expected
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from confide.clock import from_rfc3339, to_rfc3339
from confide.errors import Check, ConfideError, Misuse
from confide.evidence.bundle import EvidenceBundle
from confide.ids import from_base64, sha256_of
from confide.policy import judge, parse_policy
from confide.strictjson import load_as
from confide.verify import Examination, Trust, examine_alone

MAX_BYTES = 1 << 24
Verdict = Literal["genuine", "affirmed", "refused", "unavailable", "misuse"]


class VectorEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One vector as a file has it. `evidence`, `endorsements` and `parts` name blobs of the file, `policy` one of its
    policies; `report_data` is in hexadecimal.
    """

    name: str
    fault: str
    format: str
    evidence: str
    now: str
    verdict: Verdict
    codes: tuple[str, ...] = ()
    endorsements: tuple[str, ...] = ()
    parts: dict[str, str] = {}
    report_data: str | None = None
    simulated_roots: tuple[str, ...] = ()
    trusted_keys: tuple[str, ...] = ()
    policy: str | None = None


class VectorFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of vectors. `blobs` are bytes in base64 by the first 16 hexadecimal digits of their SHA-256."""

    description: str
    blobs: dict[str, str]
    policies: dict[str, str]
    vectors: tuple[VectorEntry, ...]
    type: Literal["confide-vectors/1"] = "confide-vectors/1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verifier says: the verdict and the codes of its findings, sorted, each once."""

    verdict: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One vector: evidence, what the verifier is told, and what is expected. `fault` says in words what is wrong, ""
    where nothing is; `policy` is the text of a policy, None where there is none.
    """

    name: str
    fault: str
    bundle: EvidenceBundle
    now: datetime
    expected: Outcome
    report_data: bytes | None = None
    trust: Trust = Trust()  # noqa: RUF009 - it is frozen
    policy: str | None = None


def run_vector(vector: Vector) -> Outcome:
    """What this verifier says of a vector."""
    failure, _ = _run(vector)
    if failure is None:
        return Outcome("genuine" if vector.policy is None else "affirmed")
    return Outcome(failure.kind, tuple(sorted(set(failure.codes))))


def findings_of(vector: Vector) -> list[dict[str, str]]:
    """The findings in this verifier's own words: code, got, wanted and remedy of each."""
    failure, _ = _run(vector)
    return [finding.to_dict() for finding in failure.findings] if failure else []


def reasons_of(vectors: Iterable[Vector]) -> list[list[str]]:
    """Code, outcome and reason of every check that gives one, over all vectors, each once, sorted."""
    checks = {check for vector in vectors for check in _run(vector)[1] if check.reason}
    return sorted([check.code, check.outcome, check.reason] for check in checks)


def _run(vector: Vector) -> tuple[ConfideError | None, tuple[Check, ...]]:
    try:
        exam = _examine(vector)
    except ConfideError as failure:
        return failure, failure.checks
    try:
        exam.conclude()
    except ConfideError as failure:
        return failure, exam.checklist.checks
    return None, exam.checklist.checks


def _examine(vector: Vector) -> Examination:
    bundle, now, report_data = vector.bundle, vector.now, vector.report_data
    if vector.policy is None:
        return examine_alone(bundle, now=now, report_data=report_data, trust=vector.trust)
    return judge(bundle, parse_policy(vector.policy), report_data=report_data, now=now)


def load_vectors(data: bytes) -> list[Vector]:
    """The vectors of a file. Raises Misuse for anything but a well-formed one of at most 16 MiB."""
    file = load_as(VectorFile, data, "file of vectors", max_bytes=MAX_BYTES)
    return [_load(entry, file) for entry in file.vectors]


def _load(entry: VectorEntry, file: VectorFile) -> Vector:
    try:
        bundle = EvidenceBundle(
            entry.format,
            file.blobs[entry.evidence],
            tuple(file.blobs[name] for name in entry.endorsements),
            {part: file.blobs[name] for part, name in entry.parts.items()},
        )
        policy = None if entry.policy is None else file.policies[entry.policy]
        report_data = None if entry.report_data is None else bytes.fromhex(entry.report_data)
    except (KeyError, ValueError) as error:
        raise _malformed(f"the vector {entry.name[:80]!r}: {error}") from None
    return Vector(
        name=entry.name,
        fault=entry.fault,
        bundle=bundle,
        now=from_rfc3339(entry.now),
        expected=Outcome(entry.verdict, entry.codes),
        report_data=report_data,
        trust=Trust.of(entry.simulated_roots, entry.trusted_keys),
        policy=policy,
    )


def _malformed(got: str) -> Misuse:
    return Misuse.because(
        "vectors.malformed",
        got=got,
        wanted="a vector that names blobs and policies of its file, with report data in hexadecimal",
        remedy="Make the file again with the program that writes it.",
    )


def dump_vectors(description: str, vectors: Iterable[Vector]) -> bytes:
    """The file of these vectors: JSON, each blob and policy once. Raises ValueError where two have one name."""
    blobs: dict[str, str] = {}
    policies: dict[str, str] = {}
    entries = [_dump(vector, blobs, policies) for vector in vectors]
    if len({entry.name for entry in entries}) != len(entries):
        raise ValueError("two vectors of the same name")
    file = VectorFile(description, dict(sorted(blobs.items())), policies, tuple(entries))
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def _dump(vector: Vector, blobs: dict[str, str], policies: dict[str, str]) -> VectorEntry:
    def blob(text: str) -> str:
        name = sha256_of(from_base64(text)).removeprefix("sha256:")[:16]
        blobs[name] = text
        return name

    def policy(text: str) -> str:
        same = [name for name, known in policies.items() if known == text]
        name = same[0] if same else f"policy{len(policies) + 1}"
        policies[name] = text
        return name

    bundle = vector.bundle
    return VectorEntry(
        name=vector.name,
        fault=vector.fault,
        format=bundle.format,
        evidence=blob(bundle.evidence),
        endorsements=tuple(blob(item) for item in bundle.endorsements),
        parts={part: blob(item) for part, item in bundle.parts.items()},
        now=to_rfc3339(vector.now),
        report_data=None if vector.report_data is None else vector.report_data.hex(),
        simulated_roots=tuple(sorted(vector.trust.simulated_roots)),
        trusted_keys=tuple(sorted(vector.trust.keys)),
        policy=None if vector.policy is None else policy(vector.policy),
        verdict=vector.expected.verdict,  # type: ignore[arg-type]  # dumping checks no types; loading does
        codes=vector.expected.codes,
    )
