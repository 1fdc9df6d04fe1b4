"""Intel's collateral: chosen for the platform, signed by Intel, in force. What it says is arithmetic of `intel_tcb`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from confide.checklist import Checklist
from confide.clock import to_rfc3339
from confide.evidence.intel_collateral import EnclaveIdentity, Signed, TcbInfo
from confide.evidence.intel_pck import PckExtension
from confide.verify.chains import PathRules, check_path, find_path
from confide.verify.intel_chain import AUTHORITIES, SIGNER, Endorsements, IntelList
from confide.verify.intel_signatures import ALGORITHMS, is_signed, point_of
from confide.verify.intel_tee import Tee
from confide.verify.x509 import Certificate

FETCH = "Fetch Intel's collateral for this platform (`confide endorsements fetch`) and give it with the evidence."

_AnyDocument = Signed[TcbInfo] | Signed[EnclaveIdentity]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The documents and lists (DER) for one platform, with the paths of the certificates that signed the documents."""

    tcb_info: Signed[TcbInfo]
    identity: Signed[EnclaveIdentity]
    root_list: bytes
    pck_list: bytes
    tcb_info_path: tuple[Certificate, ...]
    identity_path: tuple[Certificate, ...]


def choose(
    given: Endorsements, path: Sequence[Certificate], pck: PckExtension, tee: Tee, checklist: Checklist
) -> Chosen | None:
    """What belongs to this platform, among all that came along. Records whether anything is missing, or there but of
    another kind or platform; None in both cases. Of several documents that fit the first is taken.
    """
    of_kind = [one for one in given.tcb_infos if one.value.id == tee.info_id]
    infos = [one for one in of_kind if _is_of(one.value, pck)]
    identities = [one for one in given.identities if one.value.id == tee.identity_id]
    root_list, pck_list = _list_of(path[-1], given), _list_of(path[min(1, len(path) - 1)], given)
    _check_kind(given, right=(bool(of_kind), bool(identities)), tee=tee, checklist=checklist)
    _check_platform(of_kind, infos, pck, tee, checklist)
    _check_authority(path, given, pck_list, tee, checklist)
    _check_missing(given, root_list, tee, checklist)
    signers = _signers(given)
    if not infos or not identities or not signers or root_list is None or pck_list is None:
        return None
    info, identity = infos[0], identities[0]
    return Chosen(
        tcb_info=info,
        identity=identity,
        root_list=root_list.der,
        pck_list=pck_list.der,
        tcb_info_path=_path_of(info, signers, given),
        identity_path=_path_of(identity, signers, given),
    )


def _is_of(info: TcbInfo, pck: PckExtension) -> bool:
    return (info.fmspc.lower(), info.pce_id.lower()) == (pck.fmspc.hex(), pck.pce_id.hex())


def _list_of(authority: Certificate, given: Endorsements) -> IntelList | None:
    """The authority's list, the newest where there are several."""
    found = [one for one in given.lists if one.issuer == authority.subject]
    return max(found, key=lambda one: one.this_update, default=None)


def _signers(given: Endorsements) -> list[Certificate]:
    """The certificates that sign documents. By their name: Intel's root vouches for other keys too."""
    return [one for one in given.certificates if one.common_name == SIGNER]


def _check_missing(given: Endorsements, root_list: IntelList | None, tee: Tee, checklist: Checklist) -> None:
    has = {
        "TCB info": given.tcb_infos,
        "identity of the quoting enclave": given.identities,
        "revocation list of Intel's root": root_list,
        "revocation list of the platform's authority": [one for one in given.lists if one is not root_list],
        "certificate of Intel's TCB signing key": _signers(given),
    }
    missing = [name for name, found in has.items() if not found]
    checklist.expect(
        tee.code("collateral.missing"),
        not missing,
        got=f"no {', no '.join(missing)}",
        wanted="TCB info, the quoting enclave's identity, both revocation lists, and the chain that signed them",
        remedy=FETCH,
    )


def _path_of(document: _AnyDocument, signers: Sequence[Certificate], given: Endorsements) -> tuple[Certificate, ...]:
    """The path of the signer: the one that fits, or else any, so that the checks have one to judge."""
    fitting = [one for one in signers if is_signed_by(document, one)]
    return tuple(find_path((fitting or signers)[0], given.certificates, ALGORITHMS))


def is_signed_by(document: _AnyDocument, signer: Certificate) -> bool:
    """Whether the signer signed the document's exact bytes."""
    return is_signed(point_of(signer) or bytes(64), document.signature, document.text)


def _check_kind(given: Endorsements, *, right: tuple[bool, bool], tee: Tee, checklist: Checklist) -> None:
    """What is there is of the right TEE; that nothing is there is another finding."""
    ids = [one.value.id for one in given.tcb_infos], [one.value.id for one in given.identities]
    checklist.expect(
        tee.code("collateral.kind"),
        all(fits or not found for fits, found in zip(right, ids, strict=True)),
        got=f"collateral with the ids {', '.join((*ids[0], *ids[1]))}",
        wanted=f"collateral with the ids {tee.info_id} and {tee.identity_id}",
        remedy=FETCH,
    )


def _check_platform(
    of_kind: Sequence[Signed[TcbInfo]],
    fitting: Sequence[Signed[TcbInfo]],
    pck: PckExtension,
    tee: Tee,
    checklist: Checklist,
) -> None:
    """The TCB info is for the FMSPC and PCE that the platform's certificate names."""
    got = ", ".join(f"FMSPC {one.value.fmspc.lower()} and PCE {one.value.pce_id}" for one in of_kind)
    checklist.expect(
        tee.code("collateral.platform"),
        bool(fitting or not of_kind),
        got=f"TCB info for {got}",
        wanted=f"TCB info for FMSPC {pck.fmspc.hex()} and PCE {pck.pce_id.hex()}",
        remedy=FETCH,
    )


def _check_authority(
    path: Sequence[Certificate], given: Endorsements, pck_list: IntelList | None, tee: Tee, checklist: Checklist
) -> None:
    """The revocation list of platform keys is the one of the authority that issued this platform's certificate."""
    others = [one for one in given.lists if one.issuer != path[-1].subject]
    checklist.expect(
        tee.code("collateral.ca"),
        pck_list is not None or not others,
        got="a revocation list of another authority",
        wanted=f"the revocation list of {path[min(1, len(path) - 1)].common_name} (of {' and '.join(AUTHORITIES)})",
        remedy=FETCH,
    )


def check_collateral(
    chosen: Chosen, rules: PathRules, given: Endorsements, now: datetime, checklist: Checklist
) -> None:
    """Intel signed both documents, over their exact bytes, by a key that its root vouches for; both are in force."""
    for path in dict.fromkeys((chosen.tcb_info_path, chosen.identity_path)):
        check_path(path, rules, now=now, checklist=checklist, lists=given.lists)
    _check_signatures(chosen, rules.prefix, checklist)
    _check_dates(chosen, rules.prefix, now, checklist)


def _check_signatures(chosen: Chosen, prefix: str, checklist: Checklist) -> None:
    pairs = (
        ("TCB info", chosen.tcb_info, chosen.tcb_info_path),
        ("identity of the quoting enclave", chosen.identity, chosen.identity_path),
    )
    wrong = [name for name, document, path in pairs if not is_signed_by(document, path[0])]
    checklist.expect(
        f"{prefix}.signature",
        not wrong,
        got=f"{' and '.join(wrong)}, not signed by Intel's TCB signing key",
        wanted="documents as Intel signed them, byte for byte",
        remedy="Give the files as Intel's service sent them: formatting them anew breaks their signature.",
    )


def _check_dates(chosen: Chosen, prefix: str, now: datetime, checklist: Checklist) -> None:
    documents = (chosen.tcb_info.value, chosen.identity.value)
    outside = [
        f"{one.id} from {to_rfc3339(one.issue_date)} to {to_rfc3339(one.next_update)}"
        for one in documents
        if not one.issue_date <= now <= one.next_update
    ]
    checklist.expect(
        f"{prefix}.dates",
        not outside,
        got=f"{to_rfc3339(now)}, outside of {'; '.join(outside)}",
        wanted="a time between the issue of the collateral and its next update",
        remedy=FETCH,
    )
