"""What a member may see and write, in PostgreSQL's own words; `roles` puts it in force."""

from __future__ import annotations

LOGIN = """
CREATE TABLE IF NOT EXISTS login (
    role TEXT COLLATE "C" PRIMARY KEY,
    host TEXT COLLATE "C" NOT NULL,
    holder TEXT COLLATE "C" NOT NULL
)
"""

FUNCTIONS = (
    # The functions see all rows, as their owner does; the path is fixed, or a caller could put others in it.
    """
    CREATE OR REPLACE FUNCTION asksage_own() RETURNS SETOF BIGINT
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
        SELECT account.id FROM account JOIN login USING (host, holder) WHERE login.role = session_user
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION asksage_pools() RETURNS SETOF BIGINT
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
        SELECT pool_id FROM member WHERE pool_id IS NOT NULL AND account_id IN (SELECT asksage_own())
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION asksage_is_me(of_host TEXT, of_holder TEXT) RETURNS BOOLEAN
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
        SELECT EXISTS (SELECT FROM login WHERE role = session_user AND (host, holder) = (of_host, of_holder))
    $$
    """,
    # What is spent from no pool is the person's own affair.
    """
    CREATE OR REPLACE FUNCTION asksage_is_free(of_account BIGINT) RETURNS BOOLEAN
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
        SELECT of_account IN (SELECT asksage_own()) AND (
            SELECT pool_id FROM member WHERE account_id = of_account ORDER BY seq DESC LIMIT 1
        ) IS NULL
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION asksage_is_month(of_account BIGINT, source TEXT, starts BIGINT, ends BIGINT)
    RETURNS BOOLEAN LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
        SELECT source = 'allotment:' || to_char(first, 'YYYY-MM')
            AND ends - starts BETWEEN 27 * 86400000000 AND 32 * 86400000000
            AND to_timestamp(starts / 1000000) <= now() + INTERVAL '1 day'
        FROM (
            SELECT (to_timestamp(starts / 1000000) + INTERVAL '1 day') AT TIME ZONE zone AS first
            FROM account WHERE id = of_account
        ) AS month
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION asksage_may_append(
        to_grant BIGINT, to_seq BIGINT, of_op TEXT, of_kind TEXT, of_tokens BIGINT
    ) RETURNS BOOLEAN LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE
        theirs BIGINT := (SELECT account_id FROM grant_ WHERE id = to_grant);
        latest member;
        booked BIGINT;
    BEGIN
        IF theirs IN (SELECT asksage_own()) THEN
            SELECT * INTO latest FROM member WHERE account_id = theirs ORDER BY seq DESC LIMIT 1;
            RETURN of_kind <> 'grant'
                OR latest.pool_id IS NULL
                OR latest.cap IS NULL
                OR (to_seq = 1 AND of_tokens = latest.cap);
        ELSIF theirs IN (SELECT asksage_pools()) THEN
            IF of_kind = 'grant' THEN
                RETURN to_seq = 1 AND of_tokens = (
                    SELECT monthly FROM plan WHERE account_id = theirs ORDER BY seq DESC LIMIT 1
                );
            END IF;
            -- Their own chain is written first: a hold that their cap refused is none of the pool's.
            booked := (
                SELECT sum(tokens) FROM entry JOIN grant_ ON grant_.id = grant_id
                WHERE op = of_op AND kind = of_kind AND account_id IN (SELECT asksage_own())
            );
            RETURN booked IS NOT NULL AND (of_kind <> 'hold' OR (
                booked >= of_tokens AND EXISTS (
                    SELECT FROM member AS now WHERE pool_id = theirs AND account_id IN (SELECT asksage_own())
                    AND seq = (SELECT max(seq) FROM member WHERE account_id = now.account_id)
                )
            ));
        END IF;
        RETURN FALSE;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION asksage_refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a ledger is never updated or deleted' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION asksage_follows() RETURNS TRIGGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE
        ahead entry;
        released BIGINT := 0;
    BEGIN
        IF NEW.seq > 1 THEN
            SELECT * INTO ahead FROM entry WHERE grant_id = NEW.grant_id AND seq = NEW.seq - 1;
        END IF;
        IF NEW.kind IN ('settle', 'presume') AND NOT EXISTS (
            SELECT FROM entry WHERE grant_id = NEW.grant_id AND op = NEW.op AND kind IN ('settle', 'presume')
        ) THEN
            released := (
                SELECT tokens FROM entry WHERE grant_id = NEW.grant_id AND op = NEW.op AND kind = 'hold'
            );
        END IF;
        IF (NEW.seq > 1 AND ahead.seq IS NULL) OR (NEW.granted, NEW.held, NEW.used) <> (
            COALESCE(ahead.granted, 0) + CASE NEW.kind WHEN 'grant' THEN NEW.tokens ELSE 0 END,
            COALESCE(ahead.held, 0) - COALESCE(released, 0)
                + CASE NEW.kind WHEN 'hold' THEN NEW.tokens ELSE 0 END,
            COALESCE(ahead.used, 0) + CASE WHEN NEW.kind IN ('grant', 'hold') THEN 0 ELSE NEW.tokens END
        ) THEN
            RAISE EXCEPTION 'the entry does not follow from the one before it'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
)

FOLLOWS = (
    "DROP TRIGGER IF EXISTS asksage_follows ON entry",
    "CREATE TRIGGER asksage_follows BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION asksage_follows()",
)

_IS_OWN = "account_id IN (SELECT asksage_own())"
_IS_REACHED = "account_id IN (SELECT asksage_own() UNION SELECT asksage_pools())"
_IS_OF_OWN_GRANT = f"grant_id IN (SELECT id FROM grant_ WHERE {_IS_OWN})"  # noqa: S608  no value is in it
_IS_MONTH = "asksage_is_month(account_id, source, starts, ends)"

# What a member sees, and what they may add, by table.
SEES = {
    "account": "asksage_is_me(host, holder) OR id IN (SELECT asksage_pools())",
    "plan": _IS_REACHED,
    "member": _IS_OWN,
    "grant_": _IS_REACHED,
    "entry": "grant_id IN (SELECT id FROM grant_)",
    "call": _IS_OWN,
    "bill": _IS_OF_OWN_GRANT,
}
ADDS = {
    "account": "asksage_is_me(host, holder)",
    "plan": "asksage_is_free(account_id)",
    "grant_": f"asksage_is_free(account_id) OR ({_IS_REACHED} AND {_IS_MONTH})",
    "entry": "asksage_may_append(grant_id, seq, op, kind, tokens)",
    "call": _IS_OWN,
    "bill": _IS_OF_OWN_GRANT,
}
