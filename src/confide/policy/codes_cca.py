"""The finding codes of Arm CCA. Fields are claims by their labels (RMM specification, section A7.2.3)."""

from __future__ import annotations

from confide.policy.code import Code

CODES = {
    "cca.size": Code("the token is empty, or larger than any can be", "the whole token"),
    "cca.collection": Code("the bytes are no collection of two tokens", "tag 907 or 399, entries 44234 and 44241"),
    "cca.cose": Code("a token is no COSE_Sign1 message with claims", "entries 44234 and 44241"),
    "cca.profile": Code("a token is of no known profile, or of the direct model", "claim 265"),
    "cca.claims": Code("a claim is missing, or of the wrong type or size", "the claims of either token"),
    "cca.key.missing": Code("no key of this platform came along: nobody can tell", "claim 256 of the platform token"),
    "cca.key": Code("nobody vouches for the platform's key"),
    "cca.platform.signature": Code("the platform token is signed by none of the keys", "entry 44234, signature"),
    "cca.realm.key": Code("the realm's public key is no key", "claim 44237"),
    "cca.realm.signature": Code("the realm token is not signed by the realm's key", "entry 44241, signature"),
    "cca.binding": Code("the platform vouches for another realm key", "claim 10 or 2408 of the platform token"),
    "cca.report_data": Code("the token was made for another question", "claim 10 of the realm token"),
    "cca.chain.root": Code("the platform's certificates end in no trusted root"),
    "cca.chain.names": Code("the certificates do not stand in order, each under its issuer"),
    "cca.chain.authority": Code("a certificate is used against its purpose"),
    "cca.chain.signature": Code("a certificate is not signed by the one above it"),
    "cca.chain.validity": Code("a certificate is not valid at this time"),
    "cca.crl": Code("a revocation list is forged, not in force, or names a certificate of the path"),
    "cca.lifecycle": Code("the platform is not in its secured state", "claim 2395"),
    "cca.implementation_id": Code("the platform is of another implementation", "claim 2396"),
    "cca.config": Code("the platform is configured otherwise", "claim 2401"),
    "cca.firmware": Code("the platform's firmware is not what the policy allows", "claim 2399"),
    "cca.firmware.signer": Code("a piece of firmware has another signer", "claim 2399, key 5"),
    "cca.extensions": Code("devices extend the platform at run time", "claim 2404"),
    "cca.personalization": Code("the realm was personalised otherwise", "claim 44235"),
    "cca.rem": Code("an extensible measurement of the realm is another one", "claim 44239"),
    "cca.hash": Code("a hash algorithm that the policy does not allow", "claims 44236 and 44240"),
    "cca.memory_key": Code("the realm shares its memory encryption key with others", "claim 44243"),
    "cca.live_activation": Code("the realm lets the platform's firmware be replaced while it runs", "claim 44244"),
    "cca.devices": Code("devices are assigned to the realm", "claim 44257"),
}
