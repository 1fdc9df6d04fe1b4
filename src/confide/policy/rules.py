"""The rules of a SEV-SNP platform: each in one place, how it is written, checked and said.

Sources: AMD 56860 (SEV-SNP firmware ABI, revision 1.58), tables 8, 23 and 24.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confide.errors import Finding
from confide.evidence.snp import SnpReport, Tcb, read_tcb
from confide.policy.model import Waiver
from confide.policy.reading import WrongValueError, exactly, hexadecimal, integer, list_of, matching, one_of
from confide.verify import Examination

PRODUCTS = ("Milan", "Genoa", "Turin")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: the report (not yet verified when it is looked at), and what the chain adds."""

    report: SnpReport
    product: str
    hwid: bytes | None
    has_crl: bool

    @classmethod
    def of(cls, exam: Examination) -> Subject | None:
        """The subject of an examination, if its report and product could be read at all."""
        if exam.unverified_report is None or exam.unverified_product is None:
            return None
        return cls(exam.unverified_report, exam.unverified_product, exam.unverified_hwid, exam.has_crl)

    @property
    def chip(self) -> str:
        """The chip in hexadecimal: its id, or where the host masks it the one in the certificate."""
        named = self.report.chip_id if any(self.report.chip_id) else (self.hwid or b"").ljust(64, b"\0")
        return named.hex()


@dataclass(frozen=True, slots=True)
class Rule:
    """One field of a platform. `read` reads the value in the file; `got` says what the evidence shows; `holds`
    compares; `wanted` and `says` put the value into words; `comment` stands in the template.
    """

    name: str
    code: str
    read: Callable[[object], Any]
    got: Callable[[Subject], Any]
    holds: Callable[[Any, Any], bool]
    wanted: Callable[[Any], str]
    says: Callable[[Any], str]
    remedy: str
    comment: str
    waivable: bool = True

    def check(self, subject: Subject, value: Any) -> Finding | None:
        """The finding where the evidence does not show what the policy wants."""
        got = self.got(subject)
        if self.holds(got, value):
            return None
        return Finding(self.code, str(got), self.wanted(value), self.remedy)


def _same(got: object, value: object) -> bool:
    return got == value


def _among(got: object, values: tuple[object, ...]) -> bool:
    return got in values


def _at_least(got: Any, floor: Any) -> bool:
    return bool(got >= floor)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _any_of(values: tuple[str, ...]) -> str:
    return f"one of {', '.join(values)}"


def _bit(name: str, field: str, code: str, *, wanted: bool, words: str, remedy: str, comment: str) -> Rule:
    """A rule on one bit of the guest's policy or of the platform's info."""

    def got(subject: Subject) -> bool:
        bits: Any = subject.report
        return bool(bits.allows(name) if field == "policy" else bits.platform_has(name))

    return Rule(name, code, exactly(wanted), got, _same, _plain, lambda _: words, remedy, comment)


def _digests(name: str, size: int, attribute: str, words: str, comment: str) -> Rule:
    return Rule(
        name,
        f"snp.{attribute}",
        list_of(hexadecimal(size)),
        lambda subject: getattr(subject.report, attribute).hex(),
        _among,
        _any_of,
        lambda values: f"{words} one of {len(values)} that the policy lists",
        "Launch the guest with one that the policy lists, or list this one.",
        comment,
    )


def _bytes(name: str, size: int, words: str, comment: str) -> Rule:
    return Rule(
        name,
        f"snp.{name}",
        hexadecimal(size),
        lambda subject: getattr(subject.report, name).hex(),
        _same,
        str,
        lambda value: f"{words} is {value}",
        "Launch the guest with the value that the policy wants.",
        comment,
    )


def _read_abi(value: object) -> tuple[int, int]:
    text = matching(r"\d{1,3}\.\d{1,3}", 'a version such as "1.51"')(value)
    major, minor = text.split(".")
    return int(major), int(minor)


def _read_mask(value: object) -> int:
    return int(matching("0x[0-9a-f]{1,16}", 'bits in hexadecimal, such as "0x0b"')(value), 16)


def read_floor(value: object) -> Tcb:
    """The table of lowest security patch levels, all of them named."""
    names = {"bootloader", "tee", "snp", "microcode"}
    if not isinstance(value, dict) or value.keys() - {"fmc"} != names:
        raise WrongValueError("a table of bootloader, tee, snp and microcode, on Turin of fmc as well")
    levels = {name: integer(0, 255)(level) for name, level in value.items()}
    return Tcb(**levels)


def below_floor(subject: Subject, floor: Tcb) -> list[Finding]:
    """Component by component, for the reported TCB and the one at launch (checklist, row 8)."""
    findings = []
    for moment, raw in (("reported", subject.report.reported_tcb), ("launch", subject.report.launch_tcb)):
        levels = read_tcb(raw, subject.product).components()
        for name, lowest in floor.components().items():
            if levels[name] < lowest:
                got, wanted = f"{levels[name]:#04x} ({moment} TCB)", f">= {lowest:#04x}"
                findings.append(Finding(f"{FLOOR_PREFIX}.{name}", got, wanted, _UPDATE))
    return findings


_UPDATE = "Have the host's firmware updated, or use another host."
_RELAUNCH = "Launch the guest with another policy."

RULES = (
    Rule(
        "signing_key", "policy.signing_key", one_of("vcek", "vlek"), lambda s: s.report.signing_key, _same, str,
        lambda value: "the report is signed by the key of the chip itself (VCEK)" if value == "vcek"
        else "the report is signed by a key that AMD lent to the cloud provider (VLEK)",
        "Ask the host for a report signed by the other key, or name that key in the policy.",
        '"vcek": the chip\'s own key; "vlek": a key that AMD lent to the provider', waivable=False,
    ),
    Rule(
        "measurements", "policy.workload.measurement", list_of(hexadecimal(48)), lambda s: s.report.measurement.hex(),
        _among, _any_of,
        lambda values: f"what was launched measures as the policy foresees ({len(values)} reference value(s))",
        "The machine runs other code than the policy allows. Launch the right workload; if it was meant to change, "
        "predict its measurement and make a new policy.",
        "what may be launched: the predicted launch measurements", waivable=False,
    ),
    Rule(
        "vmpl", "snp.vmpl", integer(0, 3), lambda s: s.report.vmpl, _same, str,
        lambda value: f"the report was asked for at privilege level {value} (0 is the most privileged)",
        "Ask for the report at the privilege level that the policy wants.",
        "the privilege level inside the guest that asked for the report: 0 to 3",
    ),
    _bit("debug", "policy", "snp.policy.debug", wanted=False, words="debug mode is off, so that the host cannot read "
         "the guest's memory through it", remedy="Launch the guest without debug mode; the host can read its memory.",
         comment="debug mode lets the host read everything"),
    _bit("migration_agent", "policy", "snp.policy.migration_agent", wanted=False,
         words="no migration agent may move the guest to another machine", remedy=_RELAUNCH,
         comment="a migration agent can move the guest, with its memory, to another machine"),
    _bit("smt", "policy", "snp.policy.smt", wanted=False,
         words="simultaneous multithreading is off, so that no stranger shares a core", remedy=_RELAUNCH,
         comment="simultaneous multithreading: another tenant on the same core could watch its timing"),
    _bit("single_socket", "policy", "snp.policy.single_socket", wanted=True,
         words="the guest stays on one processor socket", remedy=_RELAUNCH,
         comment="on one socket no data crosses the link between two"),
    _bit("alias_check", "platform", "snp.platform_info.alias_check", wanted=True,
         words="the machine has checked its memory for aliases (the BadRAM attack)", remedy=_UPDATE,
         comment="the firmware has looked for memory modules that lie about their size (BadRAM)"),
    _bit("ecc", "platform", "snp.platform_info.ecc", wanted=True, words="the memory corrects errors",
         remedy="Use a host with ECC memory.", comment="memory that corrects errors"),
    _bit("tsme", "platform", "snp.platform_info.tsme", wanted=True, words="all memory of the host is encrypted",
         remedy="Use a host that encrypts all of its memory.", comment="encryption of all of the host's memory"),
    Rule(
        "minimum_abi", "snp.policy.abi", _read_abi, lambda s: s.report.abi, _at_least,
        lambda value: f">= {value}", lambda value: f"the guest runs only on firmware of interface {value[0]}."
        f"{value[1]} or later", _RELAUNCH, "the lowest firmware interface that the guest agrees to run on",
    ),
    Rule(
        "minimum_guest_svn", "snp.guest_svn", integer(0, 2**32 - 1), lambda s: s.report.guest_svn, _at_least,
        lambda value: f">= {value}", lambda value: f"the guest's own security version is {value} or more",
        "Launch a newer image.", "the lowest security version of the image, as its ID block says",
    ),
    Rule(
        "mitigations", "snp.mitigations", _read_mask,
        lambda s: s.report.launch_mitigations & s.report.current_mitigations,
        lambda got, value: got & value == value, hex,
        lambda value: f"the firmware has applied the mitigations {value:#x}, at launch and now", _UPDATE,
        'mitigations that the firmware must have applied, as bits ("0x0b"); reports of version 5',
    ),
    _bytes("host_data", 32, "the data that the host attached at launch",
           "32 bytes that the host attached at launch, such as the hash of a configuration"),
    _bytes("family_id", 16, "the image's family", "16 bytes that name the image's family"),
    _bytes("image_id", 16, "the image's name", "16 bytes that name the image"),
    _digests("id_key_digests", 48, "id_key_digest", "the image was signed by a key whose digest is",
             "SHA-384 of the keys that may have signed the image's ID block"),
    _digests("author_key_digests", 48, "author_key_digest", "the image's signer was appointed by a key whose digest is",
             "SHA-384 of the keys that may have appointed the image's signer"),
    Rule(
        "chip_ids", "policy.chip.allowed", list_of(hexadecimal(64)), lambda s: s.chip, _among, _any_of,
        lambda values: f"the chip is one of {len(values)} that the policy lists",
        "Use one of the listed machines, or list this chip.", "the chips that may be used: CHIP_ID, 64 bytes each",
    ),
    Rule(
        "denied_chip_ids", "policy.chip.denied", list_of(hexadecimal(64)), lambda s: s.chip,
        lambda got, values: got not in values, lambda _: "a chip that is not denied",
        lambda values: f"the chip is none of {len(values)} that the policy shuts out",
        "Use another machine: this chip is shut out.", "chips whose keys are known or feared to have leaked",
    ),
    Rule(
        "crl", "policy.crl", exactly(wanted=True), lambda s: "a list" if s.has_crl else "no revocation list",
        lambda got, _: got == "a list", lambda _: "the vendor's revocation list with the evidence",
        lambda _: "the vendor's revocation list came along, is in force, and names no certificate of the chain",
        "Fetch the revocation list and give it with the evidence.", "a revocation list must come with the evidence",
    ),
)  # fmt: skip

FLOOR = "minimum_tcb"
FLOOR_PREFIX = "snp.tcb"
FLOOR_CODES = ("snp.tcb.fmc", "snp.tcb.bootloader", "snp.tcb.tee", "snp.tcb.snp", "snp.tcb.microcode")
FLOOR_COMMENT = "the lowest security patch levels (0 to 255) of the firmware, now and at launch"


def explain_rule(rule: Rule, value: Any) -> str:
    """The rule as a sentence."""
    if isinstance(value, Waiver):
        return f"NOT checked: {rule.comment}. The reason given: {value.reason}"
    sentence = rule.says(value)
    return f"{sentence[0].upper()}{sentence[1:]}."
