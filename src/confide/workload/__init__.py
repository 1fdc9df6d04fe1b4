"""Workloads: from a folder with Python code to a deterministic bundle, and back from measured bytes."""

from confide.workload.build import build_bundle
from confide.workload.bundle import Bundle, BundleInfo, Target, read_bundle, read_bundle_file

__all__ = ["Bundle", "BundleInfo", "Target", "build_bundle", "read_bundle", "read_bundle_file"]
