"""Is it genuine, now? Chains, endorsements, freshness and binding against pinned anchors."""
