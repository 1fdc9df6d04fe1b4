"""The rules of a SEV-SNP platform: each in one place, how it is written, checked and said.

Sources: AMD 56860 (SEV-SNP firmware ABI, revision 1.58), tables 8, 23 and 24.
"""

from __future__ import annotations

from collections.abc import Mapping

from confide.errors import Finding
from confide.evidence.snp import FORMAT, PlatformBit, PolicyBit, Tcb, read_tcb
from confide.policy.model import Waiver
from confide.policy.reading import WrongValueError, exactly, hexadecimal, integer, list_of, matching, one_of
from confide.policy.rule import (
    ManyRule,
    PlatformKind,
    Rule,
    among,
    any_of,
    at_least,
    bit_rule,
    bytes_rule,
    not_among,
    reference_rule,
    same,
)
from confide.verify.snp import SnpSubject

FLOOR_PREFIX = "snp.tcb"
FLOOR_CODES = ("snp.tcb.fmc", "snp.tcb.bootloader", "snp.tcb.tee", "snp.tcb.snp", "snp.tcb.microcode")
PRODUCTS = ("Milan", "Genoa", "Turin")


def _policy_bit(name: PolicyBit, *, wanted: bool, words: str, remedy: str, comment: str) -> Rule:
    """A rule on one bit of the guest's policy."""
    return bit_rule(
        name,
        f"snp.policy.{name}",
        lambda s: s.report.allows(name),
        wanted=wanted,
        words=words,
        remedy=remedy,
        comment=comment,
    )


def _platform_bit(name: PlatformBit, *, wanted: bool, words: str, remedy: str, comment: str) -> Rule:
    """A rule on one bit of the platform's info."""
    return bit_rule(
        name,
        f"snp.platform_info.{name}",
        lambda s: s.report.platform_has(name),
        wanted=wanted,
        words=words,
        remedy=remedy,
        comment=comment,
    )


def _digests(name: str, attribute: str, words: str, comment: str) -> Rule:
    remedy = "Launch the guest with one that the policy lists, or list this one."
    return reference_rule(
        name,
        f"snp.{attribute}",
        48,
        lambda s: str(getattr(s.report, attribute).hex()),
        words=words,
        remedy=remedy,
        comment=comment,
    )


def _bytes(name: str, size: int, words: str, comment: str) -> Rule:
    remedy = "Launch the guest with the value that the policy wants."
    return bytes_rule(
        name,
        f"snp.{name}",
        size,
        lambda s: str(getattr(s.report, name).hex()),
        words=words,
        remedy=remedy,
        comment=comment,
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


def below_floor(subject: SnpSubject, floor: Tcb) -> list[Finding]:
    """Component by component, for the reported TCB and the one at launch (checklist, row 8)."""
    findings = []
    for moment, raw in (("reported", subject.report.reported_tcb), ("launch", subject.report.launch_tcb)):
        levels = _levels(raw, subject)
        for name, lowest in floor.components().items():
            if levels[name] < lowest:
                got, wanted = f"{levels[name]:#04x} ({moment} TCB)", f">= {lowest:#04x}"
                findings.append(Finding(f"{FLOOR_PREFIX}.{name}", got, wanted, _UPDATE))
    return findings


def _levels(raw: bytes, subject: SnpSubject) -> dict[str, int]:
    return read_tcb(raw, subject.product or "").components()


def _missing_components(subject: SnpSubject) -> dict[str, str]:
    has = _levels(subject.report.reported_tcb, subject)
    absent = [code for code in FLOOR_CODES if code.removeprefix(f"{FLOOR_PREFIX}.") not in has]
    return dict.fromkeys(absent, f"{subject.product} has no such component")


def _say_floor(floor: Tcb) -> str:
    levels = ", ".join(f"{name} {level}" for name, level in floor.components().items())
    return f"the processor's firmware has at least these security patch levels, now and at launch: {levels}"


_UPDATE = "Have the host's firmware updated, or use another host."
_RELAUNCH = "Launch the guest with another policy."

RULES = (
    Rule(
        "signing_key", "policy.signing_key", one_of("vcek", "vlek"), lambda s: s.report.signing_key, same, str,
        lambda value: "the report is signed by the key of the chip itself (VCEK)" if value == "vcek"
        else "the report is signed by a key that AMD lent to the cloud provider (VLEK)",
        "Ask the host for a report signed by the other key, or name that key in the policy.",
        '"vcek": the chip\'s own key; "vlek": a key that AMD lent to the provider', waivable=False,
    ),
    Rule(
        "measurements", "policy.workload.measurement", list_of(hexadecimal(48)), lambda s: s.report.measurement.hex(),
        among, any_of,
        lambda values: f"what was launched measures as the policy foresees ({len(values)} reference value(s))",
        "The machine runs other code than the policy allows. Launch the right workload; if it was meant to change, "
        "predict its measurement and make a new policy.",
        "what may be launched: the predicted launch measurements", waivable=False,
    ),
    Rule(
        "vmpl", "snp.vmpl", integer(0, 3), lambda s: s.report.vmpl, same, str,
        lambda value: f"the report was asked for at privilege level {value} (0 is the most privileged)",
        "Ask for the report at the privilege level that the policy wants.",
        "the privilege level inside the guest that asked for the report: 0 to 3",
    ),
    _policy_bit("debug", wanted=False, words="debug mode is off, so that the host cannot read "
         "the guest's memory through it", remedy="Launch the guest without debug mode; the host can read its memory.",
         comment="debug mode lets the host read everything"),
    _policy_bit("migration_agent", wanted=False,
         words="no migration agent may move the guest to another machine", remedy=_RELAUNCH,
         comment="a migration agent can move the guest, with its memory, to another machine"),
    _policy_bit("smt", wanted=False,
         words="simultaneous multithreading is off, so that no stranger shares a core", remedy=_RELAUNCH,
         comment="simultaneous multithreading: another tenant on the same core could watch its timing"),
    _policy_bit("single_socket", wanted=True,
         words="the guest stays on one processor socket", remedy=_RELAUNCH,
         comment="on one socket no data crosses the link between two"),
    _platform_bit("alias_check", wanted=True,
         words="the machine has checked its memory for aliases (the BadRAM attack)", remedy=_UPDATE,
         comment="the firmware has looked for memory modules that lie about their size (BadRAM)"),
    _platform_bit("ecc", wanted=True, words="the memory corrects errors",
         remedy="Use a host with ECC memory.", comment="memory that corrects errors"),
    _platform_bit("tsme", wanted=True, words="all memory of the host is encrypted",
         remedy="Use a host that encrypts all of its memory.", comment="encryption of all of the host's memory"),
    Rule(
        "minimum_abi", "snp.policy.abi", _read_abi, lambda s: s.report.abi, at_least,
        lambda value: f">= {value}", lambda value: f"the guest runs only on firmware of interface {value[0]}."
        f"{value[1]} or later", _RELAUNCH, "the lowest firmware interface that the guest agrees to run on",
    ),
    Rule(
        "minimum_guest_svn", "snp.guest_svn", integer(0, 2**32 - 1), lambda s: s.report.guest_svn, at_least,
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
    _digests("id_key_digests", "id_key_digest", "the image was signed by a key whose digest is",
             "SHA-384 of the keys that may have signed the image's ID block"),
    _digests("author_key_digests", "author_key_digest", "the image's signer was appointed by a key whose digest is",
             "SHA-384 of the keys that may have appointed the image's signer"),
    Rule(
        "chip_ids", "policy.chip.allowed", list_of(hexadecimal(64)), lambda s: s.chip, among, any_of,
        lambda values: f"the chip is one of {len(values)} that the policy lists",
        "Use one of the listed machines, or list this chip.", "the chips that may be used: CHIP_ID, 64 bytes each",
    ),
    Rule(
        "denied_chip_ids", "policy.chip.denied", list_of(hexadecimal(64)), lambda s: s.chip,
        not_among, lambda _: "a chip that is not denied",
        lambda values: f"the chip is none of {len(values)} that the policy shuts out",
        "Use another machine: this chip is shut out.", "chips whose keys are known or feared to have leaked",
    ),
    Rule(
        "crl", "policy.crl", exactly(wanted=True), lambda s: "a list" if s.has_crl else "no revocation list",
        lambda got, _: got == "a list", lambda _: "the vendor's revocation list with the evidence",
        lambda _: "the vendor's revocation list came along, is in force, and names no certificate of the chain",
        "Fetch the revocation list and give it with the evidence.", "a revocation list must come with the evidence",
    ),
    ManyRule(
        "minimum_tcb", FLOOR_CODES, read_floor, below_floor, _missing_components, _say_floor,
        "the lowest security patch levels (0 to 255) of the firmware, now and at launch",
        suggest=lambda s: read_tcb(s.report.reported_tcb, s.product),
    ),
)  # fmt: skip


# The lowest levels that hold AMD's fix of the microcode signature flaw (AMD-SB-3019; for Genoa the level of Bergamo
# and Siena, whose microcode counts on its own: plain Genoa should ask for microcode 84), and on Turin the fix of the
# race in the initialisation of the RMP (AMD-SB-3020). Later bulletins ask for more: docs/platforms/amd-sev-snp.md.
DEFAULT_FLOORS = {
    "Milan": Tcb(bootloader=4, tee=0, snp=24, microcode=219),
    "Genoa": Tcb(bootloader=10, tee=0, snp=23, microcode=25),
    "Turin": Tcb(fmc=0, bootloader=1, tee=0, snp=4, microcode=0),
}

_NO_IMAGE = Waiver("the launch measurement says what runs")
_SIMULATED = Waiver("SIMULATED: there is no such hardware to ask")
_DEFAULTS: Mapping[str, object] = {
    "signing_key": "vcek",
    "vmpl": 0,
    "debug": False,
    "migration_agent": False,
    "smt": False,
    "single_socket": Waiver("the link between two sockets of one machine is accepted"),
    "alias_check": True,
    "ecc": Waiver("errors in memory are no matter of confidentiality"),
    "tsme": Waiver("the guest's memory is encrypted in any case"),
    "minimum_abi": Waiver("the floor on the firmware's patch level says more"),
    "minimum_guest_svn": 0,
    "mitigations": Waiver("only reports of version 5 show them"),
    "host_data": Waiver("the host attaches nothing that counts"),
    "family_id": _NO_IMAGE,
    "image_id": _NO_IMAGE,
    "id_key_digests": _NO_IMAGE,
    "author_key_digests": _NO_IMAGE,
    "chip_ids": Waiver("any genuine chip of this product may be used"),
    "denied_chip_ids": Waiver("no chip is known to be broken"),
    "crl": True,
}
_FOR_SIMULATION: Mapping[str, object] = {
    "ecc": _SIMULATED, "tsme": _SIMULATED, "single_socket": _SIMULATED, "mitigations": _SIMULATED,
    "minimum_abi": _SIMULATED,
}  # fmt: skip


def _defaults(product: str) -> Mapping[str, object]:
    return {**_DEFAULTS, "minimum_tcb": DEFAULT_FLOORS[product]}


def _misfit(product: str, values: Mapping[str, object]) -> tuple[str, Finding] | None:
    floor = values["minimum_tcb"]
    if not isinstance(floor, Tcb) or (floor.fmc is not None) == (product == "Turin"):
        return None
    got = f"`minimum_tcb` {'with' if floor.fmc is not None else 'without'} fmc for {product}"
    return "minimum_tcb", Finding("policy.file.value", got, "fmc on Turin, and only there", "Add or remove `fmc`.")


def _title(product: str) -> str:
    return f"On AMD {product} processors (SEV-SNP, memory that the host cannot read), all of this must hold:"


KIND = PlatformKind(
    format=FORMAT,
    products=PRODUCTS,
    title=_title,
    rules=RULES,
    defaults=_defaults,
    simulation_defaults=_FOR_SIMULATION,
    misfit=_misfit,
)
