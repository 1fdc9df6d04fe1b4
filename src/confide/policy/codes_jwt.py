"""The finding codes of attestation results in JSON Web Tokens. Fields are headers and claims (RFC 7515, RFC 7519)."""

from __future__ import annotations

from confide.policy.code import Code

CODES = {
    "jwt.size": Code("the token is empty, or larger than any can be", "the whole token"),
    "jwt.malformed": Code("the bytes are no signed token of strict JSON", "header, payload and signature"),
    "jwt.header": Code("the header names no algorithm, or asks for what is not understood", "alg, crit, x5c"),
    "jwt.detached": Code("detached tokens are not those that the outer one names by their digests", "submods"),
    "jwt.issuer": Code("the token is of no known service, or its tokens of several", "iss"),
    "jwt.algorithm": Code("the token is signed in another way than the service's", "alg"),
    "jwt.key.malformed": Code("a key or certificate of the token does not parse, or is ambiguous", "x5c, JWKS"),
    "jwt.key.missing": Code("the key with the token's key id is not there: nobody can tell", "kid"),
    "jwt.chain.root": Code("the key is not trusted, and its certificates end in no pinned root", "x5c"),
    "jwt.chain.names": Code("the key's certificates do not belong together by their names", "x5c"),
    "jwt.chain.authority": Code("a certificate of the key is used against its purpose", "x5c"),
    "jwt.chain.signature": Code("a certificate of the key is not signed by the one above it", "x5c"),
    "jwt.chain.validity": Code("a certificate of the key is not valid at this time", "x5c"),
    "jwt.crl": Code("a revocation list is forged, not in force, or names a certificate of the key"),
    "jwt.signature": Code("the signature is not by the key over this token", "signature"),
    "jwt.time": Code("the token is not yet in force, or expired, or does not say", "iat, nbf, exp"),
    "jwt.report_data": Code("the token was made for another question", "eat_nonce, or the service's own claim"),
    "jwt.debug": Code("debug mode is on, or the token does not say", "dbgstat, or the service's own claim"),
    "jwt.result": Code("the service found something wrong", "x-nvidia-overall-att-result, policy_ids_unmatched"),
    "jwt.instance": Code("the token was issued by an instance that the policy does not list", "iss"),
    "jwt.audience": Code("the token was made for somebody else", "aud"),
    "jwt.age": Code("the token is older than the policy allows", "iat"),
    "jwt.secure_boot": Code("secure boot is off, or the token does not say", "secboot"),
    "jwt.hardware": Code("the hardware is of a kind that the policy does not list", "hwmodel, attester_type"),
    "jwt.status": Code("the platform has a status that the policy does not list", "attester_tcb_status, measres"),
    "jwt.policy": Code("a policy of the service that is wanted was not met", "x-ms-policy-hash, policy_ids_matched"),
    "jwt.software": Code("the operating system is another one", "swname"),
    "jwt.support": Code("the operating system is not supported as the policy wants it", "support_attributes"),
    "jwt.project": Code("the machine is in a project that the policy does not list", "submods.gce.project_id"),
    "jwt.overrides": Code("environment or command of the container was replaced", "env_override, cmd_override"),
}
