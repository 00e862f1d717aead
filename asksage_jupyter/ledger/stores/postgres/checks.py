"""What an entry must be, checked by PostgreSQL itself: row by row, and again when all of a move is written.

For everybody, an entry follows from the one before it: sequence, totals, time and hash. For a member's login
each kind has its rules besides, and a move must be whole at its commit: the pool's chain tells what the
member's own does, of the same op and kind; every call has its hold, and every bill its entry.
"""

from __future__ import annotations

from .rules import AS_OWNER

_TRIGGER = AS_OWNER.replace("STABLE ", "")  # what is written in the same statement must be seen

_WORDS = (
    # A text as Python's json writes it.
    """
    CREATE OR REPLACE FUNCTION asksage_json(value TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE
            WHEN value IS NULL THEN 'null'
            WHEN octet_length(value) = length(value) THEN replace(to_json(value)::text, chr(127), '\\u007f')
            ELSE (
                SELECT string_agg(CASE
                    WHEN code < 127 THEN piece
                    WHEN code < 65536 THEN '\\u' || lpad(to_hex(code), 4, '0')
                    ELSE '\\u' || to_hex(55296 + ((code - 65536) >> 10))
                        || '\\u' || to_hex(56320 + ((code - 65536) & 1023))
                END, '' ORDER BY place)
                FROM (
                    SELECT piece, ascii(piece) AS code, place
                    FROM regexp_split_to_table(to_json(value)::text, '') WITH ORDINALITY AS cut(piece, place)
                ) AS coded
            )
        END
    $$
    """,
    # The record that is written with an entry, as its hash binds it.
    f"""
    CREATE OR REPLACE FUNCTION asksage_about(written entry) RETURNS TEXT LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT CASE
                WHEN written.kind = 'hold' THEN (
                    SELECT concat(',', sent_at, ',', asksage_json(model), ',', estimate,
                        ',', asksage_json(notebook), ',', asksage_json(cell),
                        ',', asksage_json(project), ',', asksage_json(call."user"),
                        ',{{' || nullif(concat_ws(',',
                            '"job":' || nullif(asksage_json(job), 'null'),
                            '"tags":' || nullif(asksage_json(tags), 'null'),
                            '"client":' || nullif(asksage_json(client), 'null')
                        ), '') || '}}')
                    FROM call JOIN grant_ USING (account_id)
                    WHERE call.op = written.op AND grant_.id = written.grant_id
                )
                WHEN written.kind = 'grant' THEN (
                    SELECT concat(',', asksage_json(host), ',', asksage_json(holder),
                        ',', asksage_json(meter),
                        ',', asksage_json(source), ',', starts, ',', ends)
                    FROM grant_ JOIN account ON account.id = account_id
                    WHERE grant_.id = written.grant_id AND written.seq = 1
                )
                ELSE (
                    SELECT concat(',', tokens, ',', asksage_json(source), ',', asksage_json(status),
                        ',', coalesce(input_tokens::text, 'null'), ',', coalesce(output_tokens::text, 'null'),
                        ',', coalesce(duration_ms::text, 'null'), ',', asksage_json(request_id),
                        ',', asksage_json(model))
                    FROM bill WHERE (grant_id, seq) = (written.grant_id, written.seq)
                )
            END
        );
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_bound(written entry) RETURNS BOOLEAN
    LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT written.hash = sha256(convert_to(concat(
                '["', encode(ahead.hash, 'hex'), '",', written.grant_id, ',', written.seq,
                ',', asksage_json(written.op), ',', asksage_json(written.kind), ',', written.tokens,
                ',', written.granted, ',', written.held, ',', written.used, ',', written.t,
                ',', coalesce(written.due::text, 'null'), asksage_about(written), ']'
            ), 'UTF8'))
            FROM (SELECT) AS one
            LEFT JOIN entry AS ahead ON (ahead.grant_id, ahead.seq) = (written.grant_id, written.seq - 1)
        );
    END $$
    """,
)

_FOLLOWS = f"""
    CREATE OR REPLACE FUNCTION asksage_follows() RETURNS TRIGGER LANGUAGE plpgsql {_TRIGGER} AS $$
    DECLARE
        theirs BIGINT;
        ahead entry;
        released BIGINT := 0;
    BEGIN
        SELECT account.id INTO theirs FROM account JOIN grant_ ON account_id = account.id
        WHERE grant_.id = NEW.grant_id FOR UPDATE OF account;  -- whose turn it is, though they took none
        SELECT * INTO ahead FROM entry WHERE grant_id = NEW.grant_id AND seq = NEW.seq - 1;
        IF NEW.kind IN ('settle', 'presume') AND NOT EXISTS (
            SELECT FROM entry WHERE grant_id = NEW.grant_id AND op = NEW.op AND kind IN ('settle', 'presume')
        ) THEN
            released := (
                SELECT tokens FROM entry WHERE grant_id = NEW.grant_id AND op = NEW.op AND kind = 'hold'
            );
        END IF;
        IF (NEW.seq > 1 AND ahead.seq IS NULL) OR NEW.t < ahead.t OR (NEW.granted, NEW.held, NEW.used) <> (
            coalesce(ahead.granted, 0) + CASE NEW.kind WHEN 'grant' THEN NEW.tokens ELSE 0 END,
            coalesce(ahead.held, 0) - coalesce(released, 0)
                + CASE NEW.kind WHEN 'hold' THEN NEW.tokens ELSE 0 END,
            coalesce(ahead.used, 0) + CASE WHEN NEW.kind IN ('grant', 'hold') THEN 0 ELSE NEW.tokens END
        ) THEN
            RAISE EXCEPTION 'the entry does not follow from the one before it'
                USING ERRCODE = 'check_violation';
        END IF;
        IF asksage_is_member() THEN
            PERFORM asksage_check_time(NEW, ahead.t);
            IF asksage_may_append(NEW, theirs) IS NOT TRUE THEN
                RAISE EXCEPTION 'a member may not write this entry' USING ERRCODE = 'insufficient_privilege';
            END IF;
        END IF;
        RETURN NEW;
    END $$
"""

_MEMBER = (
    # Who owns the ledger may do what a member may not. Of an older snapshot, what others wrote is not seen.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_member() RETURNS BOOLEAN LANGUAGE plpgsql {_TRIGGER} AS $$
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
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
                RETURN TRUE;
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
            RETURN NOT is_of_pool AND (written.tokens > 0 OR written.used >= 0
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

# What a move must be when it is whole.
_WHOLE = (
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_ended(of_op TEXT, theirs BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
    LANGUAGE plpgsql {_TRIGGER} AS $$
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
    f"""
    CREATE OR REPLACE FUNCTION asksage_agrees(written entry) RETURNS BOOLEAN LANGUAGE plpgsql {_TRIGGER} AS $$
    DECLARE
        theirs BIGINT := (SELECT account_id FROM grant_ WHERE id = written.grant_id);
        mine BIGINT := asksage_mine(theirs);
        pool BIGINT := asksage_payer(written, mine);
    BEGIN
        IF theirs IN (SELECT asksage_envelopes()) THEN
            RETURN written.kind IN ('grant', 'hold') OR asksage_is_ended(written.op, theirs);
        END IF;
        IF written.kind = 'grant' THEN
            -- Without a cap they are given what they take.
            RETURN written.seq = 1 OR theirs <> mine OR asksage_pool_of(mine) IS NULL OR (
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
    CREATE OR REPLACE FUNCTION asksage_is_whole() RETURNS TRIGGER LANGUAGE plpgsql {_TRIGGER} AS $$
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

_REFUSE = """
    CREATE OR REPLACE FUNCTION asksage_refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a ledger is never updated or deleted' USING ERRCODE = 'insufficient_privilege';
    END $$
"""

CHECKS = (*_WORDS, *_MEMBER, *_WHOLE, _FOLLOWS, _REFUSE)
WHOLE = ("grant_", "entry", "call", "bill")
"""The tables whose new rows are looked at again when the move is written."""
TRIGGERS = (
    "DROP TRIGGER IF EXISTS asksage_follows ON entry",
    "CREATE TRIGGER asksage_follows BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION asksage_follows()",
    *(
        statement
        for table in WHOLE
        for statement in (
            f"DROP TRIGGER IF EXISTS asksage_is_whole ON {table}",
            f"CREATE CONSTRAINT TRIGGER asksage_is_whole AFTER INSERT ON {table} "
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION asksage_is_whole('{table}')",
        )
    ),
)
