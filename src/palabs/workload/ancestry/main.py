"""The workload: a genotype file in, the answer as JSON out."""

from __future__ import annotations

import json

from .genotypes import read_genotypes
from .model import load
from .posterior import posterior
from .refusal import BadGenotypes
from .score import score

ANSWER = "palabs-ancestry/1"
REFUSAL = "palabs-refusal/1"


def analyse(genome: bytes) -> dict[str, object]:
    """The answer document about one person's genotype file. Raises BadGenotypes for a file that cannot be used."""
    model, digest = load()
    genotypes = read_genotypes(genome, model.sites)
    answer = posterior(model, score(model, genotypes.dosage, genotypes.hidden))
    return {
        "type": ANSWER,
        "superpopulations": answer.continents,
        "populations": answer.populations,
        "snps": {"in_file": genotypes.rows, **genotypes.tally},
        "file": {
            "format": genotypes.format,
            "build": f"GRCh{genotypes.build}" if genotypes.build else "unknown",
            "variants_only": genotypes.variants_only,
        },
        "model": {"digest": digest, "snps": len(model.sites), "populations": len(model.populations)},
    }


def main(inputs: dict[str, bytes], parameters: dict[str, str]) -> bytes:  # noqa: ARG001 - the shape of every workload
    """The entry point: an answer or a refusal, never a crash for a bad file, as JSON with sorted keys."""
    try:
        document = analyse(inputs["genome"])
    except BadGenotypes as bad:
        document = {"type": REFUSAL, "finding": bad.finding}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
