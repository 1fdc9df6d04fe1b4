"""Says in plain sentences what a policy allows."""

from __future__ import annotations

from confide.policy.model import PlatformRule, Policy, Waiver
from confide.policy.rules import RULES, explain_rule

_KINDS = {
    "production": "Only evidence of real hardware, whose certificates end in the vendor's own root, is accepted.",
    "simulation": "Only SIMULATED machines are accepted. They protect nothing from the administrator of the computer "
    "they run on: use this policy for data that needs no protection.",
}


def explain_policy(policy: Policy) -> list[str]:
    """The policy as sentences, from who may read to what each platform must show."""
    receivers = "one recipient" if len(policy.recipients) == 1 else f"one of {len(policy.recipients)} recipients"
    sentences = [
        f"Policy {policy.name}, of kind {policy.kind} ({policy.digest}).",
        _KINDS[policy.kind],
        *(f"The SIMULATED root {root} is trusted." for root in policy.simulated_roots),
        f"The data may be read by the workload {policy.workload.digest}, run by the agent {policy.workload.runtime}.",
        f"Results are sealed to {receivers}, who must be named by the policy: {', '.join(policy.recipients)}.",
        f"Each data key is released at most {policy.releases_per_key} times.",
        f"An enclave has {policy.challenge_seconds} seconds to answer a challenge, which works once.",
    ]
    for platform in policy.platforms:
        sentences += _explain_platform(platform)
    return sentences


def _explain_platform(platform: PlatformRule) -> list[str]:
    title = f"On AMD {platform.product} processors (SEV-SNP, memory that the host cannot read), all of this must hold:"
    rules = [f"- {explain_rule(rule, getattr(platform, rule.name))}" for rule in RULES]
    floor = platform.minimum_tcb
    if isinstance(floor, Waiver):
        said = f"NOT checked: how old the processor's firmware is. The reason given: {floor.reason}"
    else:
        levels = ", ".join(f"{name} {level}" for name, level in floor.components().items())
        said = f"The processor's firmware has at least these security patch levels, now and at launch: {levels}."
    return [title, *rules, f"- {said}"]
