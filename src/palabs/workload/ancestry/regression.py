"""Multinomial logistic regression with a ridge, and its leave-one-out predictions.

Few rows (some hundred to two thousand), few features, some milliseconds: a person's file has its own choice of SNPs,
so the regressions that turn scores into probabilities are fitted anew for each file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

ITERATIONS = 40
CONVERGED = 1e-8  # squared Newton decrement, in nats
SETTLED = 1e-7  # relative change of a temperature
HALVINGS = 20
INTERCEPT_RIDGE = 1e-3  # enough to settle the constant that a softmax leaves open


@dataclass(frozen=True)
class Fitted:
    """Weights (features + 1 x classes, the last row the intercepts) and the inverse of the Hessian at them."""

    weights: Floats
    inverse: Floats

    @classmethod
    def blank(cls, features: int, classes: int) -> Fitted:
        """A fit to nothing: every class is as probable."""
        size = (features + 1) * classes
        return cls(np.zeros((features + 1, classes)), np.zeros((size, size)))

    def logits(self, features: Floats) -> Floats:
        """One logit a class, for each row of features."""
        return np.asarray(features @ self.weights[:-1] + self.weights[-1])


def softmax(logits: Floats) -> Floats:
    """exp(logits) normalised over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def log_loss(logits: Floats, truth: Indices, weight: Floats) -> float:
    """Weighted sum of the negative log-probability (nats) of the truth."""
    top = logits.max(axis=1)
    normaliser = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
    return float(weight @ (normaliser - logits[np.arange(len(truth)), truth]))


def fit_temperature(logits: Floats, truth: Indices, weight: Floats, start: float | None = None) -> float:
    """The factor of the logits with the least log-loss (temperature scaling, Guo et al. 2017), by Newton's method.

    The loss is convex in the factor. The factor stays positive: logits that tell nothing get one near 0. `start` is
    where to begin, by default a factor that leaves little confidence.
    """
    rows = np.arange(len(truth))
    factor = 1.0 / max(1e-9, float(np.ptp(logits, axis=1).mean())) if start is None else start
    for _ in range(ITERATIONS):
        p = softmax(factor * logits)
        mean = (p * logits).sum(axis=1)
        slope = weight @ (mean - logits[rows, truth])
        curvature = weight @ ((p * logits**2).sum(axis=1) - mean**2)
        step = slope / max(curvature, 1e-12)
        new = float(np.clip(factor - step, factor / 3, factor * 3))
        if abs(new - factor) < SETTLED * factor:
            break
        factor = new
    return factor


def fit(features: Floats, truth: Indices, weight: Floats, prior: Floats, ridge: float) -> Fitted:
    """Penalised maximum likelihood by Newton's method with halved steps.

    `prior` (features x classes) is what the weights are drawn towards, by `ridge` times their squared distance
    over two (Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, 4.4).
    """
    design = np.hstack([features, np.ones((len(features), 1))])
    target = np.vstack([prior, np.zeros(prior.shape[1])])
    penalty = np.full_like(target, ridge)
    penalty[-1] = INTERCEPT_RIDGE
    chosen = np.eye(prior.shape[1])[truth]

    def objective(weights: Floats) -> float:
        return log_loss(design @ weights, truth, weight) + 0.5 * float((penalty * (weights - target) ** 2).sum())

    weights, loss = target.copy(), objective(target)
    for _ in range(ITERATIONS):
        p = softmax(design @ weights)
        gradient = design.T @ (weight[:, None] * (p - chosen)) + penalty * (weights - target)
        inverse = np.linalg.inv(_hessian(design, p, weight, penalty))
        step = (inverse @ gradient.T.ravel()).reshape(gradient.T.shape).T
        if float((gradient * step).sum()) < CONVERGED:
            break
        weights, loss = _descend(weights, step, loss, objective)
    return Fitted(weights, np.asarray(inverse, dtype=np.float64))


def _descend(weights: Floats, step: Floats, loss: float, objective: Callable[[Floats], float]) -> tuple[Floats, float]:
    """The first of ever shorter steps that does not raise the loss; where none is, the weights as they are."""
    for halving in range(HALVINGS):
        tried = weights - step / 2**halving
        if (found := objective(tried)) <= loss:
            return tried, found
    return weights, loss


def _hessian(design: Floats, p: Floats, weight: Floats, penalty: Floats) -> Floats:
    """Second derivatives, (classes x features) squared: class by class, as the weights' transpose is laid out."""
    size, classes = penalty.shape
    hessian = np.empty((classes, size, classes, size))
    for a in range(classes):
        for b in range(a, classes):
            curve = weight * p[:, a] * ((a == b) - p[:, b])
            hessian[a, :, b] = design.T @ (design * curve[:, None])
            hessian[b, :, a] = hessian[a, :, b]
    flat = hessian.reshape(classes * size, classes * size)
    flat[np.diag_indices_from(flat)] += penalty.T.ravel()
    return flat


def leave_one_out(fitted: Fitted, features: Floats, truth: Indices, weight: Floats) -> Floats:
    """The logits of each row as the fit without that row would give them, to first order (Newton's step back from
    the optimum: approximate leave-one-out, Rad & Maleki 2020, section 2.2).
    """
    design = np.hstack([features, np.ones((len(features), 1))])
    size, classes = fitted.weights.shape
    logits = design @ fitted.weights
    p = softmax(logits)
    sides = fitted.inverse.reshape(classes, size, classes, size).transpose(1, 0, 2, 3).reshape(size, -1)
    leverage = ((design @ sides).reshape(len(design), classes * classes, size) @ design[:, :, None]).reshape(
        len(design), classes, classes
    )
    curve = weight[:, None, None] * (p[:, :, None] * np.eye(classes) - p[:, :, None] * p[:, None, :])
    pull = weight[:, None] * (p - np.eye(classes)[truth])
    inner = np.linalg.solve(np.eye(classes) - curve @ leverage, pull[:, :, None])
    return np.asarray(logits + (leverage @ inner)[:, :, 0])
