"""Why a genotype file cannot be used. A type of its own: inside an enclave there is no `confide` to import."""

from __future__ import annotations


class BadGenotypes(ValueError):
    """A genotype file that cannot be used: a stable code, what was got, what was wanted, what to do next."""

    def __init__(self, code: str, *, got: str, wanted: str, remedy: str) -> None:
        self.finding = {"code": code, "got": got, "wanted": wanted, "remedy": remedy}
        super().__init__(f"{code}: got {got}, wanted {wanted}. {remedy}")
