/* The concurrency of challenge, release, policy change, revocation, rotation and crash, for Spin.
 *
 * What is modelled is what the broker leaves to chance: in which order requests, the owner's commands and
 * a crash meet the store. Evidence always passes here; whether it should is verify/ and policy/. One job
 * with one data key, two enclaves that hold the same nonce, requests that may be sent again after a crash.
 *
 * A transaction of the store is an atomic block, and its effect is durable when the block ends (SQLite with
 * synchronous=FULL; PostgreSQL with synchronous_commit=on). Between two blocks anything may happen. A crash
 * takes all that a request holds in memory, and leaves what is durable.
 *
 * Claims, each an assert:
 *   WINNER   a nonce is committed at most once, and delivered at most once
 *   POLICY   what is committed was appraised under the revision that is current at that moment
 *   REVOKED  nothing is committed once a revocation was acknowledged
 *   AUDIT    what is delivered has its durable row of the audit log, and both counts agree at the end
 *   KEPT     a key-encryption key that a wrapped key needs is never destroyed: no delivery fails for it
 *   LIMIT    a key is released no more often than its limit
 *
 * Planted faults, one each by -D, that Spin must find (tests/siege/test_model.py):
 *   CHECK_THEN_ACT   the nonce is looked at and burnt in two steps
 *   NO_RECHECK       the policy of the appraisal is not compared again inside the transaction
 *   NO_REVOCATION    revocation is looked at before the appraisal only
 *   AUDIT_APART      the row of the audit log is a transaction of its own, after the release
 *   DELIVER_FIRST    the answer is sent before the transaction
 *   STALE_KEY        the wrapped key is the one read before the appraisal, not the one stored now
 *   DESTROY_EARLY    the old key-encryption key is destroyed without asking who needs it
 *   LIMIT_BEFORE     the limit is counted before the appraisal only (with -DLIMIT=1)
 */

#define NONCES 2   /* nonce 0 is in the hands of two enclaves, nonce 1 is an honest second run */
#define REQUESTS 3
#ifndef LIMIT
#define LIMIT 2    /* releases of the key that the policy allows */
#endif

mtype = { issued, released };

/* Durable: the store's rows. */
mtype nonce[NONCES] = issued;
byte commits[NONCES];   /* rows of the table of releases */
byte rows[NONCES];      /* rows "released" of the audit log */
byte revision = 1;      /* the policy's current revision */
bool revoked = false;   /* the row of a revocation; its writer has its acknowledgement with it */
byte wrapped_by = 1;    /* the key-encryption key that the data key is wrapped by */
bool destroyed[3];      /* key-encryption keys 1 and 2 of the custody */

/* What the world outside has seen. */
byte delivered[NONCES];
byte crashes = 0;
byte ended = 0;

inline commit(n, seen) {
    assert(commits[n] == 0);        /* WINNER */
    assert(revision == seen);       /* POLICY */
    assert(!revoked);               /* REVOKED */
    nonce[n] = released;
    commits[n]++;
    assert(commits[0] + commits[1] <= LIMIT);   /* LIMIT */
#ifndef AUDIT_APART
    rows[n]++;
#endif
}

/* May this request commit now? Inside the transaction, but for the planted faults. */
#ifdef NO_RECHECK
#define CURRENT(seen) true
#else
#define CURRENT(seen) (revision == seen)
#endif
#ifdef NO_REVOCATION
#define ALLOWED true
#else
#define ALLOWED (!revoked)
#endif
#ifdef LIMIT_BEFORE
#define WITHIN true
#else
#define WITHIN (commits[0] + commits[1] < LIMIT)
#endif
#define MAY(n, seen) (nonce[n] == issued && CURRENT(seen) && ALLOWED && WITHIN)

inline deliver(n) {
    atomic {
        assert(rows[n] == 1);       /* AUDIT */
        delivered[n]++;
        assert(delivered[n] == 1);  /* WINNER */
    }
}

/* A request in the broker: broker/release.py. `life` counts crashes: a request of an earlier life is gone. */
proctype Request(byte n) {
    byte seen, wrapped, life;
    life = crashes;
    atomic {                        /* step 3: one consistent view */
        if
        :: nonce[n] == issued && !revoked && commits[0] + commits[1] < LIMIT ->
            seen = revision; wrapped = wrapped_by
        :: else -> goto refused
        fi
    }
    skip;                           /* step 4: verification and appraisal take their time */
    if
    :: life != crashes -> goto lost
    :: else
    fi;
#ifdef DELIVER_FIRST
    deliver(n);
#endif
#ifdef CHECK_THEN_ACT
    if
    :: MAY(n, seen) -> skip
    :: else -> goto refused
    fi;
    atomic { commit(n, seen) }
#else
    atomic {                        /* step 5: the transaction */
        if
        :: life != crashes -> goto lost
        :: life == crashes && MAY(n, seen) -> commit(n, seen)
        :: else -> goto refused
        fi
    }
#endif
#ifdef AUDIT_APART
    if
    :: life != crashes -> goto lost
    :: else
    fi;
    atomic { rows[n]++ }
#endif
    if
    :: life != crashes -> goto lost /* committed, and never delivered: it counts, and the log says so */
    :: else
    fi;
    atomic {                        /* step 6: the wrapped key as it is stored now, and the custody */
#ifndef STALE_KEY
        wrapped = wrapped_by;
#endif
        assert(!destroyed[wrapped]) /* KEPT */
    }
#ifndef DELIVER_FIRST
    deliver(n);
#endif
lost:
refused:
    ended++
}

active proctype Owner() {
    if
    :: atomic { revision++ }        /* `confide policy activate` */
    :: skip
    fi;
    if
    :: atomic { revoked = true }    /* `confide revoke`, acknowledged */
    :: skip
    fi
}

/* `confide keys rotate`, then `confide keys destroy`: each line a transaction, a crash between any two. */
active proctype Rotation() {
    atomic { if :: wrapped_by == 1 -> wrapped_by = 2 :: else fi }   /* compare and swap */
    atomic {
        if
        :: wrapped_by != 1 -> destroyed[1] = true
        :: else
        fi
    }
}

#ifdef DESTROY_EARLY
active proctype Hasty() { atomic { destroyed[1] = true } }
#endif

active proctype Crash() {
    if
    :: crashes++
    :: skip
    fi
}

init {
    atomic { run Request(0); run Request(0); run Request(1) }   /* REQUESTS of them */
    (ended == REQUESTS);
    assert(rows[0] == commits[0] && rows[1] == commits[1]);                 /* AUDIT */
    assert(delivered[0] <= commits[0] && delivered[1] <= commits[1])        /* nothing delivered is unknown */
}
