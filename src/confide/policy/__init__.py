"""Is it what the owner wants? The typed policy file, and the appraisal that alone can build a Permit."""

from confide.policy.appraisal import Permit, appraise, judge
from confide.policy.explanation import explain_policy
from confide.policy.model import PlatformRule, Policy, Waiver, Workload
from confide.policy.parsing import parse_policy
from confide.policy.template import render_policy

__all__ = [
    "Permit", "PlatformRule", "Policy", "Waiver", "Workload", "appraise", "explain_policy", "judge", "parse_policy",
    "render_policy",
]  # fmt: skip
