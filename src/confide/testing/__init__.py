"""Fakes for the tests of this project and of its users: a forged vendor for each format of evidence.

`FakeAmd` is here; the others are in their modules, so that what one does not need is not loaded:
`fake_intel.FakeIntel`, `fake_aws.FakeAws`, `fake_azure.FakeAzure`, `fake_azure_tdx.FakeAzureTdx`,
`fake_uvm.FakeMicrosoft`, `fake_tpm.FakeTpm`, `fake_boot.FakeBoot`, `fake_nvidia.FakeNvidia`, `fake_arm.FakeArm`,
`fake_service.FakeService`. `vectors` reads, runs and writes test vectors.
"""

from confide.testing.fake_amd import FakeAmd

__all__ = ["FakeAmd"]
