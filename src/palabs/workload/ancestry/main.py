"""The workload: a genotype file in, the answer as JSON out."""

from __future__ import annotations

import json
from dataclasses import asdict

from .admixture import LEVEL, estimate
from .calibration import recalibrate
from .fit_test import reference_fit
from .genotypes import Genotypes, read_genotypes
from .model import Model, load
from .painting import paint
from .posterior import COVERAGE, INTERVAL_LEVEL, Posterior, posterior
from .refusal import BadGenotypes
from .score import score

ANSWER = "palabs-ancestry/2"
REFUSAL = "palabs-refusal/1"
BUILD = 37  # a painting of a file whose build is unknown is laid out in this one


def main(inputs: dict[str, bytes], parameters: dict[str, str]) -> bytes:
    """The entry point: an answer or a refusal, never a crash for a bad file, as JSON with sorted keys. The parameter
    `sample` names the person to read where the file holds several.
    """
    try:
        document = analyse(inputs["genome"], parameters.get("sample"))
    except BadGenotypes as bad:
        document = {"type": REFUSAL, "finding": bad.finding}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def analyse(genome: bytes, sample: str | None = None) -> dict[str, object]:
    """The answer document about one person's genotype file. Raises BadGenotypes for a file that cannot be used."""
    model, digest = load()
    genotypes = read_genotypes(genome, model.sites, sample=sample)
    told = score(model, genotypes.dosage, genotypes.hidden)
    calibrated = recalibrate(model, told)
    shares = estimate(model, genotypes.dosage, genotypes.hidden)
    fit = reference_fit(model, genotypes.dosage, told, calibrated, shares)
    build = genotypes.build or BUILD
    painting = paint(model, genotypes.haplotypes, build, genotypes.hidden) if genotypes.phased else None
    return {
        "type": ANSWER,
        **_tree(posterior(model, told, fit=fit, shares=shares, calibrated=calibrated)),
        "reference": asdict(fit),
        "admixture": asdict(shares) | {"level": LEVEL} if shares else None,
        "painting": asdict(painting) if painting else None,
        "evidence": {"information": round(told.information, 3), "blocks": told.blocks},
        "snps": {"in_file": genotypes.rows, **genotypes.tally},
        "file": _file(genotypes),
        "model": _model(model, digest),
    }


def _tree(answer: Posterior) -> dict[str, object]:
    return {
        "superpopulations": answer.continents,
        "regions": answer.regions,
        "populations": answer.populations,
        "intervals": answer.intervals,
        "interval_level": INTERVAL_LEVEL,
        "conclusion": asdict(answer.conclusion),
        "prediction_sets": {"coverage": COVERAGE, **answer.sets},
    }


def _file(genotypes: Genotypes) -> dict[str, object]:
    return {
        "format": genotypes.format,
        "build": f"GRCh{genotypes.build}" if genotypes.build else "unknown",
        "variants_only": genotypes.variants_only,
        "phased": genotypes.phased,
    }


def _model(model: Model, digest: str) -> dict[str, object]:
    return {
        "digest": digest,
        "snps": len(model.sites),
        "populations": len(model.populations),
        "people": model.people,
    }
