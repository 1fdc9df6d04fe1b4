"""Says in plain sentences what a policy allows."""

from __future__ import annotations

from confide.policy.composition import say_accept
from confide.policy.kinds import kind_of
from confide.policy.model import Accept, AnyOf, PlatformRule, Policy
from confide.policy.rule import explain_rule

_KINDS = {
    "production": "Only evidence of real hardware, whose certificates end in the vendor's own root, is accepted.",
    "simulation": "Only SIMULATED machines are accepted. They protect nothing from the administrator of the computer "
    "they run on: use this policy for data that needs no protection.",
}


def explain_policy(policy: Policy) -> list[str]:
    """The policy as sentences, from who may read to what each platform must show."""
    sentences = [
        f"Policy {policy.name}, of kind {policy.kind} ({policy.digest}).",
        _KINDS[policy.kind],
        *(f"The SIMULATED root {root} is trusted." for root in policy.simulated_roots),
        *(f"What the public key {key} signs is trusted as a vendor's." for key in policy.trusted_keys),
        *_explain_release(policy),
        *_explain_accept(policy.accept),
    ]
    for platform in policy.platforms:
        sentences += _explain_platform(platform)
    return sentences


def _explain_release(policy: Policy) -> list[str]:
    if not policy.releases:
        return ["This policy is for verification alone: no key is ever released under it."]
    count = len(policy.recipients)
    receivers = "one recipient" if count == 1 else f"one of {count} recipients"
    return [
        f"The data may be read by the workload {policy.workload.digest}, run by the agent {policy.workload.runtime}.",
        f"Results are sealed to {receivers}, who must be named by the policy: {', '.join(policy.recipients)}.",
        f"Each data key is released at most {policy.releases_per_key} times.",
        f"An enclave has {policy.challenge_seconds} seconds to answer a challenge, which works once.",
    ]


def _explain_accept(accept: Accept) -> list[str]:
    if isinstance(accept, AnyOf) and len(accept.of) == 1:
        return []
    return [
        f"This evidence must be shown together: {say_accept(accept)}. Every piece that is shown must hold by itself."
    ]


def _explain_platform(platform: PlatformRule) -> list[str]:
    kind = kind_of(platform.format)
    rules = [f"- {explain_rule(rule, platform.values[rule.name])}" for rule in kind.rules]
    return [f"{platform.name}: {kind.title(platform.product)}", *rules]
