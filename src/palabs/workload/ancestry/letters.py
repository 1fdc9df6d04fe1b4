"""Letters of a genotype: which are nucleotides, which say that nothing was called, which are something else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .hits import FINE, NO_CALL, NOT_SINGLE
from .table import Bytes

NUCLEOTIDES = b"ACGT"
NOT_CALLED = b"-0N.?"
OTHER, UNCALLED, NUCLEOTIDE = 0, 1, 2

KIND = np.zeros(256, dtype=np.uint8)
KIND[list(NUCLEOTIDES + NUCLEOTIDES.lower())] = NUCLEOTIDE
KIND[list(NOT_CALLED + NOT_CALLED.lower())] = UNCALLED

UPPER = np.arange(256, dtype=np.uint8)
UPPER[ord("a") : ord("z") + 1] -= 32

COMPLEMENT = np.zeros(256, dtype=np.uint8)
COMPLEMENT[list(NUCLEOTIDES)] = list(b"TGCA")


def problems(first: Bytes, second: Bytes) -> NDArray[np.uint8]:
    """FINE for two nucleotides, NO_CALL where a letter was not called (a half call is none), else NOT_SINGLE."""
    kinds = KIND[first], KIND[second]
    both = (kinds[0] == NUCLEOTIDE) & (kinds[1] == NUCLEOTIDE)
    neither = ((kinds[0] == UNCALLED) & (kinds[1] != OTHER)) | ((kinds[1] == UNCALLED) & (kinds[0] != OTHER))
    result = np.full(len(first), NOT_SINGLE, dtype=np.uint8)
    result[neither] = NO_CALL
    result[both] = FINE
    return result
