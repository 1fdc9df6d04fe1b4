"""Fuzzes recognition and verification of evidence with coverage: nothing but the three errors comes out, in time.

An input is a form (one byte), a piece (one byte) and data. Form 0: the data are a file, to be recognised and verified.
Otherwise the form names a seed, evidence that was right, and the data take the place of one of its pieces: the
evidence, an endorsement or a part. Run as `python tests/fuzz/fuzz_evidence.py [options of libFuzzer] CORPUS`; an empty
folder is filled with the seeds first.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["confide.evidence", "confide.verify"]):
    from confide.evidence.recognition import recognise
    from confide.verify.verifier import FORMATS, examine_alone, verifier_of

    for name in FORMATS:
        verifier_of(name)

from confide.errors import ConfideError
from confide.evidence.bundle import EvidenceBundle
from confide.ids import to_base64
from confide.testing.vectors import Vector, load_vectors
from confide.verify import Trust

VECTORS = Path(__file__).parents[2] / "vectors"
SEEDS_A_FORMAT = 4
MAX_SECONDS = 1  # of the processor for one input, instrumented: how busy the machine is does not matter


def right_ones() -> list[Vector]:
    """A few vectors of each format that are genuine: the first of it, and others far from that."""
    every = [one for file in sorted(VECTORS.glob("*.json")) for one in load_vectors(file.read_bytes())]
    seeds = []
    for name in FORMATS:
        right = [one for one in every if one.bundle.format == name and one.expected.verdict == "genuine"]
        seeds += right[:: max(1, len(right) // SEEDS_A_FORMAT)][:SEEDS_A_FORMAT]
    return seeds[:250]


SEEDS = right_ones()


def pieces_of(bundle: EvidenceBundle) -> list[bytes]:
    """The evidence, the endorsements and the parts, in order."""
    parts = [bundle.part(name) or b"" for name in sorted(bundle.parts)]
    return [bundle.evidence_bytes(), *bundle.endorsement_bytes(), *parts]


def with_piece(bundle: EvidenceBundle, index: int, data: bytes) -> EvidenceBundle:
    """The bundle with one of its pieces replaced."""
    text, names = to_base64(data), sorted(bundle.parts)
    if index == 0:
        return EvidenceBundle(bundle.format, text, bundle.endorsements, bundle.parts)
    if index <= len(bundle.endorsements):
        items = list(bundle.endorsements)
        items[index - 1] = text
        return EvidenceBundle(bundle.format, bundle.evidence, tuple(items), bundle.parts)
    changed = bundle.parts | {names[index - 1 - len(bundle.endorsements)]: text}
    return EvidenceBundle(bundle.format, bundle.evidence, bundle.endorsements, changed)


def one_input(data: bytes) -> None:
    """Verifies what the data make. An error that is not one of the three, or too long a time, ends the fuzzer."""
    began = time.process_time()
    verify_input(data)
    if (took := time.process_time() - began) > MAX_SECONDS:
        raise TimeoutError(f"{took:.1f} seconds")


def verify_input(data: bytes) -> None:
    """Verifies what the data make: the three errors are answers."""
    if len(data) < 2:
        return
    seed = SEEDS[data[0] - 1] if 0 < data[0] <= len(SEEDS) else None
    try:
        if seed is None:
            bundle, trust, now = recognise(data[2:]), Trust(), SEEDS[0].now
        else:
            index = data[1] % len(pieces_of(seed.bundle))
            bundle, trust, now = with_piece(seed.bundle, index, data[2:]), seed.trust, seed.now
        examine_alone(bundle, now=now, report_data=None, trust=trust).conclude()
    except ConfideError:
        pass


def write_seeds(folder: Path) -> None:
    """A corpus: every piece of every seed, and every evidence as a file."""
    for number, seed in enumerate(SEEDS):
        for index, piece in enumerate(pieces_of(seed.bundle)):
            name = f"{number:03}-{index:02}"
            (folder / name).write_bytes(bytes((number + 1, index)) + piece)
        (folder / f"{number:03}-file").write_bytes(b"\0\0" + pieces_of(seed.bundle)[0])


if __name__ == "__main__":
    corpus = Path(sys.argv[-1])
    if corpus.is_dir() and not any(corpus.iterdir()):
        write_seeds(corpus)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
