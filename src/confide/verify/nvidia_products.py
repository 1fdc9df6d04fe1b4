"""The products of NVIDIA that are known, by the names of their chips."""

from __future__ import annotations

import re

PRODUCTS = ("Hopper", "Blackwell", "LS10")
# How the names of certificates and manifests begin; LS10 is the third generation of NVSwitch.
_CHIPS = {"Hopper": re.compile(r"GH[0-9]{3}"), "Blackwell": re.compile(r"GB[0-9]{3}"), "LS10": re.compile("LS_?10")}


def product_of(chip: str) -> str | None:
    """The product of a chip such as GH100, GB100 or LS_10; None where it is not known."""
    return next((name for name, pattern in _CHIPS.items() if pattern.fullmatch(chip)), None)
