"""What a move of a member's must be when it is whole: looked at again at its commit."""

from __future__ import annotations

from .seeing import ANEW

WHOLE = (
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_ended(of_op TEXT, theirs BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        RETURN (
            -- Nothing is held any more, and no grant paid above its hold while another kept some back.
            SELECT NOT bool_or(booked IS NULL)
                AND NOT (bool_or(booked > coalesce(held, 0)) AND bool_or(booked < coalesce(held, 0)))
            FROM (
                SELECT sum(tokens) FILTER (WHERE kind = 'hold') AS held,
                    sum(tokens) FILTER (WHERE kind <> 'hold') AS booked
                FROM entry JOIN grant_ ON grant_.id = grant_id
                WHERE op = of_op AND kind IN ('hold', 'settle', 'presume') AND account_id = theirs
                GROUP BY grant_id
            ) AS shares
        );
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_sum(of_op TEXT, of_kinds TEXT[], theirs BIGINT) RETURNS NUMERIC
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        RETURN (
            SELECT sum(tokens) FROM entry JOIN grant_ ON grant_.id = grant_id
            WHERE op = of_op AND kind = ANY (of_kinds) AND account_id = theirs
        );
    END $$
    """,
    # Of which pool an entry is: a call's, where it is held; a hold's, from which its account spends now; a
    # correction's, from which it did at the month's end.
    f"""
    CREATE OR REPLACE FUNCTION asksage_payer(written entry, mine BIGINT) RETURNS BIGINT
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        RETURN (
            SELECT CASE written.kind
                WHEN 'hold' THEN asksage_pool_of(mine)
                WHEN 'correct' THEN (
                    SELECT asksage_pool_at(mine, ends) FROM grant_ WHERE id = written.grant_id
                )
                ELSE (
                    SELECT account_id FROM entry JOIN grant_ ON grant_.id = grant_id
                    WHERE op = written.op AND kind = 'hold' AND account_id <> mine
                AND account_id NOT IN (SELECT asksage_envelopes()) LIMIT 1
                )
            END
        );
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_billed(written entry, mine BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        RETURN (
            SELECT count(*) <= 1 AND coalesce(max(bill.tokens), 0)
                = asksage_sum(written.op, ARRAY['settle', 'presume'], mine)
            FROM bill JOIN entry USING (grant_id, seq) JOIN grant_ ON grant_.id = grant_id
            WHERE entry.op = written.op AND entry.kind = written.kind AND account_id = mine
        );
    END $$
    """,
    # What a member used of a pool by one of their grants, which is as much as it can give back.
    f"""
    CREATE OR REPLACE FUNCTION asksage_share_of(of_grant BIGINT, pool BIGINT) RETURNS NUMERIC
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        RETURN (
            SELECT coalesce(sum(entry.tokens), 0) FROM entry
            WHERE grant_id = of_grant AND kind IN ('settle', 'presume', 'correct') AND EXISTS (
                SELECT FROM entry AS common JOIN grant_ AS of_pool ON of_pool.id = common.grant_id
                WHERE common.op = entry.op AND common.kind = entry.kind AND of_pool.account_id = pool
            )
        );
    END $$
    """,
    # A correction is of what is spent from now, or of one month that is over: it moves nothing between them.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_of_one_month(of_op TEXT, mine BIGINT, pool BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        RETURN (
            SELECT count(DISTINCT source) = 1 OR bool_and(starts <= newest AND newest < ends)
            FROM (
                SELECT source, starts, ends, max(t) OVER () AS newest
                FROM entry JOIN grant_ ON grant_.id = grant_id
                WHERE op = of_op AND kind = 'correct' AND account_id IN (mine, pool)
            ) AS corrected
        );
    END $$
    """,
    # Each envelope that a call is held in books the same of it as its owner.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_enveloped(written entry, mine BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {ANEW} AS $$
    BEGIN
        RETURN NOT EXISTS (
            SELECT FROM entry JOIN grant_ ON grant_.id = grant_id
            WHERE op = written.op AND account_id IN (SELECT asksage_envelopes())
            AND asksage_sum(written.op, ARRAY[written.kind], account_id)
                IS DISTINCT FROM asksage_sum(written.op, ARRAY[written.kind], mine)
        );
    END $$
    """,
    # The newest month of whoever spends from no pool has what their plan says; without one, what they had
    # taken from the pool that they left.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_planned(of_account BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {ANEW} AS $$
    DECLARE
        newest grant_;
        planned BIGINT;
    BEGIN
        SELECT * INTO newest FROM grant_ WHERE account_id = of_account AND source LIKE 'allotment:_______'
        ORDER BY source DESC LIMIT 1;
        planned := (
            SELECT monthly FROM plan WHERE account_id = of_account AND since <= substr(newest.source, 11)
            ORDER BY seq DESC LIMIT 1
        );
        RETURN newest.id IS NULL OR CASE
            WHEN planned IS NULL THEN EXISTS (SELECT FROM member WHERE account_id = of_account)
            ELSE planned = (SELECT granted FROM entry WHERE grant_id = newest.id ORDER BY seq DESC LIMIT 1)
        END;
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_agrees(written entry) RETURNS BOOLEAN LANGUAGE plpgsql {ANEW} AS $$
    DECLARE
        theirs BIGINT := (SELECT account_id FROM grant_ WHERE id = written.grant_id);
        mine BIGINT := asksage_mine(theirs);
        pool BIGINT := asksage_payer(written, mine);
    BEGIN
        IF theirs IN (SELECT asksage_envelopes()) THEN
            RETURN written.kind = 'grant' OR (
                asksage_is_enveloped(written, mine)
                AND (written.kind = 'hold' OR asksage_is_ended(written.op, theirs))
            );
        END IF;
        IF written.kind = 'grant' THEN
            IF theirs = mine AND asksage_pool_of(mine) IS NULL THEN
                RETURN asksage_is_planned(mine);
            END IF;
            -- Without a cap they are given what they take.
            RETURN written.seq = 1 OR theirs <> mine OR (
                SELECT granted <= used + held FROM entry WHERE grant_id = written.grant_id
                ORDER BY seq DESC LIMIT 1
            );
        END IF;
        IF theirs NOT IN (mine, pool) OR asksage_sum(written.op, ARRAY[written.kind], mine) IS NULL THEN
            RETURN FALSE;
        END IF;
        IF pool IS NOT NULL AND asksage_sum(written.op, ARRAY[written.kind], pool) IS DISTINCT FROM
            asksage_sum(written.op, ARRAY[written.kind], mine)
        THEN
            RETURN FALSE;
        END IF;
        IF written.kind <> 'correct' AND NOT asksage_is_enveloped(written, mine) THEN
            RETURN FALSE;
        END IF;
        RETURN CASE written.kind
        WHEN 'hold' THEN (
            SELECT count(DISTINCT due) = 1 FROM entry WHERE op = written.op AND kind = 'hold'
        )
        WHEN 'correct' THEN asksage_is_of_one_month(written.op, mine, pool) AND (
            pool IS NULL OR written.tokens > 0 OR theirs <> mine
            OR asksage_share_of(written.grant_id, pool) >= 0
        )
        ELSE asksage_is_ended(written.op, mine) AND asksage_is_billed(written, mine)
            AND (pool IS NULL OR asksage_is_ended(written.op, pool))
        END;
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_whole() RETURNS TRIGGER LANGUAGE plpgsql {ANEW} AS $$
    DECLARE
        is_whole BOOLEAN;
    BEGIN
        CASE TG_ARGV[0]  -- the table, whatever its part is called
        WHEN 'entry' THEN
            IF asksage_is_bound(NEW) IS NOT TRUE THEN
                RAISE EXCEPTION 'the entry''s hash is not that of its fields'
                    USING ERRCODE = 'check_violation';
            END IF;
            is_whole := NOT asksage_is_member() OR asksage_agrees(NEW);
        WHEN 'bill' THEN
            is_whole := EXISTS (
                SELECT FROM entry WHERE (grant_id, seq, op, t) = (NEW.grant_id, NEW.seq, NEW.op, NEW.t)
                AND kind IN ('settle', 'presume') AND asksage_is_bound(entry)
            );
        WHEN 'call' THEN
            is_whole := EXISTS (
                SELECT FROM entry JOIN grant_ ON grant_.id = grant_id
                WHERE op = NEW.op AND kind = 'hold' AND account_id = NEW.account_id
            );
        WHEN 'plan' THEN
            is_whole := NOT asksage_is_member() OR asksage_is_planned(NEW.account_id);
        ELSE
            is_whole := EXISTS (SELECT FROM entry WHERE grant_id = NEW.id);
        END CASE;
        IF is_whole IS NOT TRUE THEN
            RAISE EXCEPTION 'the move is not whole, or not a member''s'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NULL;
    END $$
    """,
)

TABLES = ("grant_", "entry", "call", "bill", "plan")
"""The tables whose new rows are looked at again when the move is written."""
