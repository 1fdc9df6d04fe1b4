"""What a result says, in one vocabulary for all services: hardware, debug mode, workload, status, nonce.

Sources: those of `confide.verify.jwt_services`. A claim that is not there is None or empty, never a default.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from confide.evidence.jwt import JwtEvidence
from confide.verify.jwt_services import GOOGLE, INTEL, MICROSOFT, NVIDIA

Claims = Mapping[str, object]

_WORKLOADS = {
    GOOGLE: ("submods/container/image_digest",),
    MICROSOFT: (
        "x-ms-sgx-mrenclave", "x-ms-sevsnpvm-launchmeasurement", "tdx_mrtd",
        "x-ms-isolation-tee/x-ms-sevsnpvm-launchmeasurement", "x-ms-isolation-tee/tdx_mrtd",
    ),
    INTEL: ("tdx_mrtd", "tdx/tdx_mrtd", "sgx_mrenclave", "sgx/sgx_mrenclave"),
    NVIDIA: (),
}  # fmt: skip
_HARDWARE = {
    GOOGLE: ("hwmodel",),
    MICROSOFT: ("x-ms-isolation-tee/x-ms-attestation-type", "x-ms-attestation-type"),
    INTEL: ("attester_type",),
    NVIDIA: ("hwmodel",),
}
_NONCES = {
    GOOGLE: ("eat_nonce",),
    MICROSOFT: (
        "nonce", "x-ms-runtime/client-payload/nonce", "x-ms-sgx-report-data", "x-ms-sevsnpvm-reportdata",
        "tdx_report_data", "x-ms-isolation-tee/x-ms-sevsnpvm-reportdata", "x-ms-isolation-tee/tdx_report_data",
    ),
    INTEL: (
        "eat_nonce", "tdx_report_data", "tdx/tdx_report_data", "sgx_report_data", "sgx/sgx_report_data",
        "verifier_nonce/val",
    ),
    NVIDIA: ("eat_nonce",),
}  # fmt: skip
_DEBUG = {
    MICROSOFT: (
        "x-ms-sgx-is-debuggable", "x-ms-sevsnpvm-is-debuggable", "tdx_td_attributes_debug",
        "x-ms-isolation-tee/x-ms-sevsnpvm-is-debuggable", "x-ms-isolation-tee/tdx_td_attributes_debug",
    ),
    INTEL: (
        "tdx_is_debuggable", "tdx/tdx_is_debuggable", "sgx_is_debuggable", "sgx/sgx_is_debuggable",
        "tdx_td_attributes_debug", "tdx/tdx_td_attributes_debug",
    ),
}  # fmt: skip
_STATUS = {
    GOOGLE: (),
    MICROSOFT: ("attester_tcb_status", "x-ms-isolation-tee/x-ms-compliance-status", "x-ms-compliance-status"),
    INTEL: ("attester_tcb_status", "tdx/attester_tcb_status", "sgx/attester_tcb_status"),
    NVIDIA: ("measres",),
}
# EAT's values of dbgstat that say that it is off (RFC 9711, section 4.2.9).
_DEBUG_OFF = {"disabled", "disabled-since-boot", "disabled-permanently", "disabled-fully-and-permanently"}


def claim(claims: Claims, path: str) -> object:
    """The claim at a path with slashes, None where there is none."""
    value: object = claims
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def texts(value: object) -> tuple[str, ...]:
    """A text or a list of texts as a tuple; empty for everything else."""
    values = value if isinstance(value, list) else [value]
    found = tuple(one for one in values if isinstance(one, str))
    return found if len(found) == len(values) else ()


def seconds(value: object) -> float | None:
    """A time in seconds since 1970 (RFC 7519, NumericDate); None for what is no number, negative, or absurd."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
        return None
    return float(value)


@dataclass(frozen=True, slots=True)
class JwtSubject:
    """A result, the service that it names, and the time at which it is looked at."""

    evidence: JwtEvidence
    product: str | None
    now: datetime

    @property
    def statements(self) -> tuple[Claims, ...]:
        """The claims about devices: those of the detached tokens, else those of the token itself."""
        details = tuple(one.claims for one in self.evidence.submodules.values())
        return details or (self.evidence.token.claims,)

    def _all(self, paths: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for one in self.statements for text in self._first(one, paths)))

    def _first(self, claims: Claims, paths: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        found = (texts(claim(claims, path)) for path in paths.get(self.product or "", ()))
        return next((one for one in found if one), ("",))

    @property
    def issuer(self) -> str:
        """The `iss`."""
        return str(self.evidence.token.claims.get("iss"))

    @property
    def audiences(self) -> tuple[str, ...]:
        """The `aud`, empty where there is none."""
        return texts(self.evidence.token.claims.get("aud"))

    @property
    def age(self) -> float | None:
        """Seconds since the token was issued."""
        issued = seconds(self.evidence.token.claims.get("iat"))
        return None if issued is None else self.now.timestamp() - issued

    @property
    def hardware(self) -> tuple[str, ...]:
        """The kinds of hardware, one for each device; an empty text where a device has none."""
        return self._all(_HARDWARE)

    @property
    def workloads(self) -> tuple[str, ...]:
        """What runs: the digest of a container image, or a measurement, in lower case."""
        return tuple(one.lower() for one in self._all(_WORKLOADS))

    @property
    def statuses(self) -> tuple[str, ...]:
        """The status of the platform in the service's words, one for each device."""
        return self._all(_STATUS)

    @property
    def debug(self) -> bool | None:
        """Whether debug mode is on anywhere; None where not everything says."""
        found = [self._debug(one) for one in self.statements]
        return True if True in found else None if None in found else False

    def _debug(self, claims: Claims) -> bool | None:
        values = [claim(claims, path) for path in _DEBUG.get(self.product or "", ())]
        states = [value is not False for value in values if value is not None]
        states += [str(claims["dbgstat"]) not in _DEBUG_OFF] if "dbgstat" in claims else []
        return any(states) if states else None

    @property
    def secure_boot(self) -> bool:
        """Whether secure boot is on for everything."""
        return all((one.get("secboot") or one.get("secureboot")) is True for one in self.statements)

    @property
    def nonces(self) -> tuple[str, ...]:
        """The nonces and report data that the tokens carry, as text, each once."""
        found = [text for one in self.evidence.tokens for text in _nonces(one.claims, self.product)]
        return tuple(dict.fromkeys(found))

    @property
    def software(self) -> str:
        """The name of the operating system (Google's `swname`)."""
        return str(self.evidence.token.claims.get("swname", ""))

    @property
    def support(self) -> tuple[str, ...]:
        """How well the operating system is supported (Google: STABLE, LATEST, USABLE, EXPERIMENTAL)."""
        return texts(claim(self.evidence.token.claims, "submods/confidential_space/support_attributes"))

    @property
    def project(self) -> str:
        """The cloud project in which the machine runs (Google)."""
        return str(claim(self.evidence.token.claims, "submods/gce/project_id") or "")

    @property
    def overrides(self) -> tuple[str, ...]:
        """What of the container's environment and command was replaced at its start (Google)."""
        container = claim(self.evidence.token.claims, "submods/container")
        if not isinstance(container, Mapping):
            return ("no container",)
        return tuple(name for name in ("env_override", "cmd_override") if container.get(name))

    @property
    def policies(self) -> tuple[str, ...]:
        """The service's own policies that were met: Microsoft's policy hash, the ids of Intel's matched policies."""
        return tuple(_policies(self.evidence.token.claims))

    @property
    def succeeded(self) -> bool:
        """Whether the service says that everything was in order: NVIDIA's overall result, no unmatched policy of
        Intel's; the others issue no token otherwise.
        """
        claims = self.evidence.token.claims
        if self.product == NVIDIA:
            return claims.get("x-nvidia-overall-att-result") is True
        return not claims.get("policy_ids_unmatched")

    def claims(self) -> dict[str, object]:
        """The vocabulary of all services, and the claims as the service made them."""
        return {
            "product": self.product, "issuer": self.issuer, "audiences": list(self.audiences),
            "hardware": [one for one in self.hardware if one], "workloads": [one for one in self.workloads if one],
            "statuses": [one for one in self.statuses if one], "debug": self.debug, "nonces": list(self.nonces),
            "claims": dict(self.evidence.token.claims),
            "submodules": {name: dict(one.claims) for name, one in self.evidence.submodules.items()},
        }  # fmt: skip


def _policies(claims: Claims) -> Iterator[str]:
    yield from texts(claims.get("x-ms-policy-hash"))
    matched = claims.get("policy_ids_matched")
    for one in matched if isinstance(matched, list) else []:
        yield from texts(one.get("id") if isinstance(one, Mapping) else one)


def _nonces(claims: Claims, product: str | None) -> list[str]:
    return [text for path in _NONCES.get(product or "", ()) for text in texts(claim(claims, path))]


def carries(subject: JwtSubject, wanted: bytes) -> bool:
    """Whether every token carries the bytes as a nonce: as they are, in hexadecimal, or in base64 of either form."""
    forms = {base64.b64encode(wanted), base64.urlsafe_b64encode(wanted).rstrip(b"="), wanted}
    return bool(wanted) and all(
        any(text.encode() in forms or text.lower() == wanted.hex() for text in _nonces(token.claims, subject.product))
        for token in subject.evidence.tokens
    )
