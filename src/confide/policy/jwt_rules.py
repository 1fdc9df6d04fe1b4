"""The rules of an attestation service's result: who issued it, for whom, when, and what it says.

Sources: those of `confide.verify.jwt_services`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confide.evidence.jwt import FORMAT
from confide.policy.model import Waiver
from confide.policy.reading import exactly, integer, list_of, matching
from confide.policy.rule import PlatformKind, Rule, among, any_of, same
from confide.verify.jwt_services import GOOGLE, INTEL, MICROSOFT, NVIDIA

_MAX_AGE = 7 * 24 * 60 * 60
_text = matching(r"[\x21-\x7e][\x20-\x7e]{0,511}", "printable text of at most 512 characters")
_digest = matching("(sha256:)?[0-9a-f]{64}|[0-9a-f]{96}", "digests in lower-case hexadecimal, 32 or 48 bytes")
_ELSEWHERE = "Ask the service for a result of a workload as the policy wants it."


class Told(tuple[str, ...]):
    """The texts that a result tells, shown with commas between them."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(self)


def _all_among(got: tuple[str, ...], values: tuple[str, ...]) -> bool:
    """Something is told, and all of it is listed."""
    return bool(got) and all(one in values for one in got)


def _some_among(got: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return any(one in values for one in got)


def _all_there(got: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return all(one in got for one in values)


def _list_rule(
    name: str,
    code: str,
    got: Callable[[Any], tuple[str, ...]],
    holds: Callable[[tuple[str, ...], tuple[str, ...]], bool],
    *,
    words: str,
    comment: str,
    read: Callable[[object], str] = _text,
) -> Rule:
    """A rule on a list of texts that the result tells."""
    return Rule(
        name,
        code,
        list_of(read),
        lambda subject: Told(one or "not told" for one in got(subject)),
        holds,
        any_of,
        lambda values: f"{words} {' or '.join(values)}",
        _ELSEWHERE,
        comment,
        suggest=lambda subject: [one for one in got(subject) if one],
    )


RULES = (
    Rule(
        "issuers", "jwt.instance", list_of(_text), lambda s: s.issuer, among, any_of,
        lambda values: f"the result was issued by {' or '.join(values)}", "Use the service that the policy names.",
        "the `iss` of the service, or of your own instance of it", waivable=False, suggest=lambda s: [s.issuer],
    ),
    _list_rule("audiences", "jwt.audience", lambda s: s.audiences, _some_among, words="the result was made for",
               comment="for whom the result was made (`aud`)"),
    Rule(
        "maximum_age", "jwt.age", integer(1, _MAX_AGE), lambda s: s.age,
        lambda got, value: got is not None and got <= value, lambda value: f"at most {value} seconds",
        lambda value: f"the result is at most {value} seconds old", "Ask the service for a new result.",
        "how old a result may be, in seconds", suggest=lambda _: 300,
    ),
    Rule(
        "result", "jwt.result", exactly(wanted=True), lambda s: s.succeeded, same, lambda _: "success",
        lambda _: "the service says that everything was in order", "See the claims for what the service found wrong.",
        "the service's own verdict",
    ),
    Rule(
        "debug", "jwt.debug", exactly(wanted=False), lambda s: s.debug, same, lambda _: "debug mode off",
        lambda _: "debug mode is off, so that nobody can read the workload's memory through it",
        "Launch the workload without debug mode, and ask the service for a result that says so.",
        "debug mode lets others read the workload's memory",
    ),
    Rule(
        "secure_boot", "jwt.secure_boot", exactly(wanted=True), lambda s: s.secure_boot, same,
        lambda _: "secure boot on", lambda _: "secure boot is on", "Start the machine with secure boot.", "secure boot",
    ),
    _list_rule("hardware", "jwt.hardware", lambda s: s.hardware, _all_among, words="the hardware is",
               comment="the kinds of hardware, in the service's words, such as GCP_INTEL_TDX, sevsnpvm or TDX"),
    _list_rule("measurements", "policy.workload.measurement", lambda s: s.workloads, _all_among, read=_digest,
               words="what runs is", comment="what may run: digests of container images, or measurements"),
    _list_rule("statuses", "jwt.status", lambda s: s.statuses, _all_among, words="the platform's status is",
               comment="the status of the platform, in the service's words, such as UpToDate"),
    _list_rule("service_policies", "jwt.policy", lambda s: s.policies, _all_there,
               words="the service's own policies were met:",
               comment="the service's policies: Microsoft's x-ms-policy-hash, the ids of Intel's policies"),
    _list_rule("software", "jwt.software", lambda s: (s.software,), _all_among, words="the operating system is",
               comment="the operating system (Google: CONFIDENTIAL_SPACE)"),
    _list_rule("support", "jwt.support", lambda s: s.support, _some_among, words="the operating system's support is",
               comment="how well the operating system is supported (Google: STABLE, LATEST, USABLE)"),
    _list_rule("projects", "jwt.project", lambda s: (s.project,), _all_among, words="the machine is in the project",
               comment="the cloud projects in which the machine may run (Google)"),
    Rule(
        "overrides", "jwt.overrides", exactly(wanted=False), lambda s: ", ".join(s.overrides),
        lambda got, _: not got, lambda _: "nothing replaced",
        lambda _: "nothing of the container's environment and command was replaced at its start",
        "Start the container with what its image says; its digest does not measure what is replaced.",
        "environment or command of the container replaced at its start (Google)",
    ),
)  # fmt: skip


def _only(service: str) -> Waiver:
    return Waiver(f"only {service}'s service tells")


_GOOGLE_ONLY = dict.fromkeys(("software", "support", "projects", "overrides"), _only("Google"))
_NO_AUDIENCE = Waiver("the service names no audience; the nonce binds the result")
_SECURE_BOOT = Waiver("the measurement says what was started")
_COMMON: Mapping[str, object] = {"maximum_age": 300, "result": True, "debug": False}
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    GOOGLE: {
        "issuers": ["https://confidentialcomputing.googleapis.com"], "secure_boot": True,
        "hardware": ["GCP_INTEL_TDX"], "software": ["CONFIDENTIAL_SPACE"], "support": ["STABLE"], "overrides": False,
        "statuses": _only("another"), "service_policies": _only("another"),
    },
    MICROSOFT: {
        **_GOOGLE_ONLY, "audiences": _NO_AUDIENCE, "secure_boot": _SECURE_BOOT, "hardware": ["sevsnpvm"],
        "statuses": ["azure-compliant-cvm"],
    },
    INTEL: {
        **_GOOGLE_ONLY, "issuers": ["https://portal.trustauthority.intel.com"], "audiences": _NO_AUDIENCE,
        "secure_boot": _SECURE_BOOT, "hardware": ["TDX"], "statuses": ["UpToDate"],
    },
    NVIDIA: {
        **_GOOGLE_ONLY, "issuers": ["https://nras.attestation.nvidia.com"], "audiences": _NO_AUDIENCE,
        "secure_boot": True, "hardware": ["GH100 A01 GSP BROM"], "statuses": ["success"],
        "measurements": Waiver("the service compares the measurements with NVIDIA's manifests"),
        "service_policies": _only("another"),
    },
}  # fmt: skip
_TITLES = {
    GOOGLE: "Of results of Google Confidential Space", MICROSOFT: "Of results of Microsoft Azure Attestation",
    INTEL: "Of results of Intel Trust Authority", NVIDIA: "Of results of NVIDIA's attestation service (NRAS)",
}  # fmt: skip


KIND = PlatformKind(
    format=FORMAT,
    products=tuple(_DEFAULTS),
    title=lambda product: f"{_TITLES[product]}, which is trusted to have verified the evidence, all of this must hold:",
    rules=RULES,
    defaults=lambda product: {**_COMMON, **_DEFAULTS[product]},
)
