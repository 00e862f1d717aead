"""What an entry of a member's own login may be, by its kind."""

from __future__ import annotations

from .seeing import ANEW, AS_OWNER

OF_MEMBERS = (
    # Who owns the ledger may do what a member may not. Of an older snapshot, what others wrote is not seen.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_member() RETURNS BOOLEAN LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        IF pg_has_role(session_user, 'asksage_owner', 'MEMBER') OR pg_has_role(
            session_user, (SELECT relowner FROM pg_class WHERE oid = 'entry'::regclass), 'MEMBER'
        ) THEN
            RETURN FALSE;
        END IF;
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'a member writes at read committed' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN TRUE;
    END $$
    """,
    # A bill that comes late is taken from a clock that is behind; a month is begun by none that is ahead.
    f"""
    CREATE OR REPLACE FUNCTION asksage_check_time(written entry, ahead BIGINT) RETURNS VOID
    LANGUAGE plpgsql {ANEW} AS $$
    DECLARE
        hour CONSTANT BIGINT := 3600000000;
        now CONSTANT BIGINT := extract(epoch FROM clock_timestamp()) * 1000000;
    BEGIN
        IF written.t > greatest(now + hour, ahead)
            OR (written.t < now - hour AND written.kind NOT IN ('settle', 'presume'))
        THEN
            RAISE EXCEPTION 'the clock is more than an hour off' USING ERRCODE = 'ASK01';
        END IF;
    END $$
    """,
    # Whether a member may write an entry to an account's chain, as far as it can be told before the rest.
    f"""
    CREATE OR REPLACE FUNCTION asksage_may_append(written entry, theirs BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {ANEW} AS $$
    DECLARE
        most CONSTANT BIGINT := 1000000000000000;
        given grant_;
        latest member;
        mine BIGINT := asksage_mine(theirs);
        is_own BOOLEAN := theirs = mine;
        pool BIGINT;
        is_allotment BOOLEAN;
        is_of_pool BOOLEAN;
        held_at BIGINT;
    BEGIN
        -- Only for calls of one's own: whoever settles a call writes to all that hold it.
        IF theirs IN (SELECT asksage_envelopes()) THEN
            RETURN abs(written.tokens) <= most AND CASE written.kind
                WHEN 'grant' THEN TRUE
                WHEN 'correct' THEN FALSE
                ELSE EXISTS (
                    SELECT FROM call WHERE op = written.op AND account_id IN (SELECT asksage_own())
                ) AND (written.kind = 'hold' OR EXISTS (
                    SELECT FROM entry
                    WHERE op = written.op AND kind = 'hold' AND grant_id = written.grant_id
                )) END;
        END IF;
        SELECT * INTO given FROM grant_ WHERE id = written.grant_id;
        SELECT * INTO latest FROM member WHERE account_id = mine ORDER BY seq DESC LIMIT 1;
        is_allotment := given.source LIKE 'allotment:_______';
        is_of_pool := starts_with(given.source, 'pool-grant:');
        IF mine IS NULL OR abs(written.tokens) > most OR (is_own AND abs(written.used) > 10 * most)
            OR NOT (is_own OR theirs IN (SELECT asksage_pools()))
        THEN
            RETURN FALSE;
        END IF;
        CASE written.kind
        WHEN 'grant' THEN
            IF NOT is_own THEN
                RETURN written.seq = 1 AND written.tokens = (
                    SELECT monthly FROM plan WHERE account_id = theirs ORDER BY seq DESC LIMIT 1
                );
            ELSIF is_of_pool THEN
                RETURN FALSE;
            ELSIF latest.pool_id IS NULL THEN
                RETURN NOT is_allotment OR written.t < given.ends;
            ELSIF written.seq = 1 THEN
                RETURN is_allotment AND written.tokens = coalesce(latest.cap, 0);
            END IF;
            RETURN is_allotment AND latest.cap IS NULL AND written.tokens > 0;
        WHEN 'hold' THEN
            IF NOT EXISTS (SELECT FROM call WHERE op = written.op AND account_id = mine)
                OR EXISTS (SELECT FROM entry WHERE op = written.op AND kind IN ('settle', 'presume'))
                OR NOT (given.starts <= written.t AND written.t < given.ends)
            THEN
                RETURN FALSE;
            END IF;
            RETURN CASE
                WHEN NOT is_own THEN theirs = latest.pool_id
                -- What a pool's owner granted is for calls that this pool pays, beside a cap.
                WHEN is_of_pool THEN latest.cap IS NOT NULL
                    AND starts_with(given.source, concat('pool-grant:', latest.pool_id, ':'))
                WHEN latest.pool_id IS NULL THEN TRUE
                ELSE is_allotment AND (latest.cap IS NULL OR written.used + written.held <= latest.cap)
            END;
        WHEN 'correct' THEN
            pool := asksage_pool_at(mine, given.ends);
            -- Nothing was used less than not at all; of a top-up that is over it is booked on the allotment.
            RETURN NOT is_of_pool AND asksage_is_own_name(written, mine, is_own)
                AND (written.tokens > 0 OR written.used >= 0
                    OR (is_own AND pool IS NULL AND given.ends <= written.t))
                AND CASE WHEN is_own THEN pool IS NULL OR is_allotment ELSE theirs = pool END;
        WHEN 'presume' THEN
            RETURN EXISTS (SELECT FROM call WHERE op = written.op AND account_id = mine) AND EXISTS (
                SELECT FROM entry WHERE op = written.op AND grant_id = written.grant_id AND kind = 'hold'
                AND tokens = written.tokens AND due <= written.t
            ) AND NOT EXISTS (SELECT FROM entry WHERE op = written.op AND kind = 'settle');
        WHEN 'settle' THEN
            held_at := (
                SELECT min(t) FROM entry JOIN grant_ ON grant_.id = grant_id
                WHERE op = written.op AND kind = 'hold' AND account_id = theirs
            );
            RETURN EXISTS (SELECT FROM call WHERE op = written.op AND account_id = mine)
            -- What a call costs above its hold is paid by what could be spent then.
            AND coalesce(given.starts <= held_at AND held_at < given.ends, FALSE)
            AND written.tokens + coalesce((
                SELECT tokens FROM entry
                WHERE op = written.op AND grant_id = written.grant_id AND kind = 'presume'
            ), 0) >= 0;
        END CASE;
    END $$
    """,
    # Another's correction is not told again on one's own chain, where it would count as a share of the pool;
    # nor is its name taken ahead of it on the pool's.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_own_name(written entry, mine BIGINT, is_own BOOLEAN) RETURNS BOOLEAN
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        IF is_own THEN
            RETURN NOT EXISTS (
                SELECT FROM entry JOIN grant_ ON grant_.id = grant_id
                WHERE op = written.op AND kind = 'correct' AND account_id IN (SELECT asksage_pools())
            );
        END IF;
        RETURN NOT starts_with(written.op, 'other-devices:') OR starts_with(written.op, (
            SELECT concat('other-devices:', host, ':', holder, ':', meter, ':') FROM account WHERE id = mine
        ));
    END $$
    """,
    # The pool from which an account spent at a month's end, or spends now.
    f"""
    CREATE OR REPLACE FUNCTION asksage_pool_at(of_account BIGINT, until BIGINT) RETURNS BIGINT
    LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT pool_id FROM member WHERE account_id = of_account AND t < until ORDER BY seq DESC LIMIT 1
        );
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_mine(theirs BIGINT) RETURNS BIGINT LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT own.id FROM account AS own JOIN account AS other USING (host, meter)
            WHERE other.id = theirs AND own.id IN (SELECT asksage_own())
        );
    END $$
    """,
)
