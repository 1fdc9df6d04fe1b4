"""How current a platform is: Intel's arithmetic of TCB levels.

Sources: Intel Provisioning Certification Service API, version 4, "Determining TCB level of an SGX or TDX platform"
(the sections on Get TCB Info and Get TD Quoting Enclave Identity).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import ge

from confide.evidence.intel_collateral import (
    EnclaveIdentity,
    IsvLevel,
    PlatformLevel,
    TcbInfo,
    TcbStatus,
    TdxModule,
    TdxModuleIdentity,
)
from confide.evidence.intel_pck import PckExtension

# From the best to the worst.
STATUSES: tuple[TcbStatus, ...] = ("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded", "Revoked")  # fmt: skip
UNKNOWN = "Unknown"
_MODULE_VERSION = 1
_MODULE_COMPONENTS = 2


@dataclass(frozen=True, slots=True)
class TcbVerdict:
    """How current a platform is. `status` is the worst of the platform's, the TDX module's and the quoting enclave's,
    each of which is in `parts` by its name; `advisories` are those of all of them; `evaluation` is the lower of the two
    evaluation data numbers; `level` is the platform's, None where it reaches none; `issued` says when the older
    document was issued, `expires` when the first of them has to be renewed.
    """

    status: str
    advisories: tuple[str, ...]
    parts: dict[str, str] = field(hash=False)
    evaluation: int
    level: PlatformLevel | None
    issued: datetime
    expires: datetime

    def summary(self) -> str:
        """Status and advisories in words."""
        return f"{self.status}, {', '.join(self.advisories) or 'no advisory'}"

    def claims(self) -> dict[str, object]:
        """The verdict as JSON-able values."""
        return {
            "status": self.status,
            "advisories": list(self.advisories),
            "parts": dict(self.parts),
            "evaluation_data_number": self.evaluation,
            "level_date": self.level.tcb_date.isoformat() if self.level else None,
            "collateral_issued": self.issued.isoformat(),
            "collateral_expires": self.expires.isoformat(),
        }


def merge(statuses: Iterable[str]) -> str:
    """The worst of several statuses: revoked where one is, else out of date where one is, and in need of configuration
    or hardening where one is (as Intel's quote verification library merges them).
    """
    found = set(statuses)
    for final in ("Revoked", UNKNOWN):
        if final in found:
            return final
    configuration = any("Configuration" in one for one in found)
    if any(one.startswith("OutOfDate") for one in found):
        return "OutOfDateConfigurationNeeded" if configuration else "OutOfDate"
    hardening = any("SWHardening" in one for one in found)
    if configuration:
        return "ConfigurationAndSWHardeningNeeded" if hardening else "ConfigurationNeeded"
    return "SWHardeningNeeded" if hardening else "UpToDate"


def match_platform(info: TcbInfo, pck: PckExtension, tee_tcb_svn: bytes | None) -> PlatformLevel | None:
    """The first level that the platform reaches in all 16 SGX components, the PCE's version, and for TDX (which gives
    `tee_tcb_svn`) in all 16 TDX components; the first two of these belong to the module, and have levels of their own
    where the module has a version.
    """
    return next((level for level in info.tcb_levels if reaches(level, pck, tee_tcb_svn)), None)


def reaches(level: PlatformLevel, pck: PckExtension, tee_tcb_svn: bytes | None, *, whole: bool = False) -> bool:
    """Whether the platform reaches the level; `whole` compares the TDX module's components too."""
    tcb = level.tcb
    if pck.pce_svn < tcb.pcesvn or not _all_reached(pck.components, [one.svn for one in tcb.sgxtcbcomponents]):
        return False
    if tee_tcb_svn is None:
        return True
    first = _MODULE_COMPONENTS if tee_tcb_svn[_MODULE_VERSION] and not whole else 0
    wanted = [one.svn for one in tcb.tdxtcbcomponents or ()]
    return bool(wanted) and _all_reached(tee_tcb_svn[first:], wanted[first:])


def _all_reached(got: Sequence[int], wanted: Sequence[int]) -> bool:
    return all(map(ge, got, wanted))


def match_isv(levels: Iterable[IsvLevel], isv_svn: int) -> IsvLevel | None:
    """The first level of an enclave or module that its security version reaches."""
    return next((level for level in levels if isv_svn >= level.tcb.isvsvn), None)


def find_module(info: TcbInfo, tee_tcb_svn: bytes) -> TdxModule | None:
    """What Intel says of a TDX module of this version: its identity by the major version (`TDX_01`), which is in the
    second component; for the modules without a version what is said of all. None where nothing is said of it.
    """
    version = tee_tcb_svn[_MODULE_VERSION]
    if version == 0:
        return info.tdx_module
    wanted = f"TDX_{version:02X}"
    return next((one for one in info.tdx_module_identities if one.id.upper() == wanted), None)


def module_fits(module: TdxModule, mr_signer_seam: bytes, seam_attributes: bytes) -> bool:
    """Whether a module is signed by whom Intel says, and has the attributes that it says under their mask."""
    return mr_signer_seam == bytes.fromhex(module.mrsigner) and fits_mask(
        seam_attributes, module.attributes, module.attributes_mask
    )


def module_level(module: TdxModule, tee_tcb_svn: bytes) -> IsvLevel | None:
    """The level of a module that has levels of its own: its version is in the first component."""
    return match_isv(module.tcb_levels, tee_tcb_svn[0]) if isinstance(module, TdxModuleIdentity) else None


def fits_mask(got: bytes, wanted: str, mask: str) -> bool:
    """Whether bytes equal others (hexadecimal, of the same length) in all bits of the mask."""
    return not (int.from_bytes(got, "big") ^ int(wanted, 16)) & int(mask, 16)


def verdict(
    info: TcbInfo, identity: EnclaveIdentity, platform: PlatformLevel | None, parts: dict[str, IsvLevel | None]
) -> TcbVerdict:
    """The merged verdict of the platform's level and those of the parts by name; Unknown where one has no level."""
    levels: dict[str, PlatformLevel | IsvLevel | None] = {"platform": platform, **parts}
    statuses = {name: level.tcb_status if level else UNKNOWN for name, level in levels.items()}
    advisories = (advisory for level in levels.values() if level for advisory in level.advisories)
    return TcbVerdict(
        status=merge(statuses.values()),
        advisories=tuple(sorted(set(advisories))),
        parts=statuses,
        evaluation=min(info.tcb_evaluation_data_number, identity.tcb_evaluation_data_number),
        level=platform,
        issued=min(info.issue_date, identity.issue_date),
        expires=min(info.next_update, identity.next_update),
    )
