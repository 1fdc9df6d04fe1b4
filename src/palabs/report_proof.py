"""The proof panel: what is proven and what is not, who saw what, how to verify it, how to have it deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palabs.report_html import Html, items, section, table, tag
from palabs.report_words import DELETION

NAMED = ("job", "workload", "measurement", "policy", "broker", "released_at")
PROVEN = (
    (
        "The program named below, and no other, was given the key to your data, by a machine whose maker vouches that "
        "its administrator cannot look inside."
    ),
    "The answer was encrypted to you inside that machine.",
)
NOT_PROVEN = (
    "It does not prove that the answer is right, that the machine's maker is honest, or that nobody else has a copy of "
    "your file from before it was sealed."
)
SIMULATED = (
    "anyone can make such a machine, and the administrator of this one could have looked. It shows only that every "
    "step of the real way was taken. On a machine with a real enclave, the same receipt proves the following."
)
SAW = (
    ("You", "your file, and this report"),
    ("The laboratory that sealed it", "your file, before it was sealed; the key, in its key store"),
    ("Its key broker", "the evidence and the name of the job, not your data; its release is in the audit log"),
    ("The cloud", "an encrypted file, its size, when the job ran and for how long; an encrypted result"),
    ("The program in the enclave", "your genotypes, in memory, until the job ended"),
)
NOBODY_IN_BETWEEN = "nothing that can be read, as far as its maker's word goes"
COULD_HAVE_LOOKED = "could have seen everything: this machine was SIMULATED"


def is_simulated(receipt: Mapping[str, Any] | None) -> bool:
    """Whether a receipt is simulated; one that does not say counts as simulated."""
    return receipt is not None and receipt.get("simulated", True) is not False


def banner_words(protection: Mapping[str, Any], receipt: Mapping[str, Any] | None) -> tuple[str, str, bool]:
    """How the computation was protected: a title, a statement, and whether it truly was."""
    statement = str(protection["statement"])
    if receipt is None:
        return "Not protected", statement, False
    if is_simulated(receipt):
        return "SIMULATED protection: a rehearsal", statement, False
    return "Computed in an attested enclave", statement, True


def banner(protection: Mapping[str, Any], receipt: Mapping[str, Any] | None) -> Html:
    """How the computation was protected: the first thing on the page."""
    title, statement, good = banner_words(protection, receipt)
    kind = "banner good" if good else "banner"
    return tag("div", tag("p", tag("strong", title)), tag("p", statement), class_=kind, role="note")


def proof_section(receipt: Mapping[str, Any] | None) -> Html:
    """The section: of a real receipt, a simulated one, or none."""
    if receipt is None:
        return section(
            "Proof",
            tag(
                "p",
                "There is no receipt: nothing shows which program computed this, or who looked on. ",
                tag("code", "--protect tee"),
                " makes one.",
            ),
            *_deletion(
                "Nothing of your data was stored by this computation but this report. Delete it, and your own file."
            ),
        )
    parts = (*_proven(receipt), _facts(receipt), *_who_saw(receipt), *_verify(receipt), *_deletion(_kept(receipt)))
    return section("Proof", *parts, class_="long")


def _proven(receipt: Mapping[str, Any]) -> tuple[Html, ...]:
    real = (items(PROVEN), tag("p", NOT_PROVEN))
    if not is_simulated(receipt):
        return real
    warning = tag("strong", "This receipt is SIMULATED and proves nothing about hardware:")
    return (tag("p", warning, " ", SIMULATED), *real)


def _facts(receipt: Mapping[str, Any]) -> Html:
    rows = [
        (key.replace("_", " "), tag("span", str(receipt[key]), class_="digest")) for key in NAMED if receipt.get(key)
    ]
    checks = receipt.get("checks") or ()
    passed = [("checks", f"{len(checks)} made on the receipt before this report was opened")] if checks else []
    return table([*rows, *passed], class_="facts")


def _who_saw(receipt: Mapping[str, Any]) -> tuple[Html, ...]:
    admin = COULD_HAVE_LOOKED if is_simulated(receipt) else NOBODY_IN_BETWEEN
    return tag("h3", "Who saw what"), table([*SAW, ("The machine's administrator", admin)], class_="facts")


def _verify(receipt: Mapping[str, Any]) -> tuple[Html, ...]:
    name = str(receipt.get("file", "receipt.json"))
    rebuild = "confide workload build src/palabs/workload -o ancestry.bundle\nsha256sum ancestry.bundle"
    return (
        tag("h3", "Check it yourself"),
        tag("p", "The receipt, with the evidence in it, needs no network and stays good for years:"),
        tag("pre", f"confide receipt verify {name}", tabindex=0),
        tag("p", "The workload is a file that anyone can build again and compare:"),
        tag("pre", rebuild, tabindex=0),
    )


def _kept(receipt: Mapping[str, Any]) -> str:
    if is_simulated(receipt):
        return (
            "In this rehearsal the laboratory and the cloud were folders on this computer, and their keys were drawn "
            "for this run and kept nowhere: what was sealed can never be opened again. A real laboratory keeps them. "
            + DELETION
        )
    return DELETION


def _deletion(text: str) -> tuple[Html, Html]:
    return tag("h3", "Have it deleted"), tag("p", text)
