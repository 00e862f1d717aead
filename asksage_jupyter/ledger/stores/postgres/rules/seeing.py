"""Which rows a member may see, and which add."""

from __future__ import annotations

LOGIN = """
CREATE TABLE IF NOT EXISTS login (
    role TEXT COLLATE "C" PRIMARY KEY,
    host TEXT COLLATE "C" NOT NULL,
    holder TEXT COLLATE "C" NOT NULL
)
"""

# They see all rows, as their owner does. The path is fixed and ends with the temporary tables, which are else
# looked through first: a caller's own table `login` would tell who they are. In plpgsql, which
# plans a query once.
AS_OWNER = "STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp"
ANEW = AS_OWNER.replace("STABLE ", "")  # what is written in the same statement must be seen

WHO = (
    f"""
    CREATE OR REPLACE FUNCTION asksage_own() RETURNS SETOF BIGINT LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN QUERY
        SELECT account.id FROM account JOIN login USING (host, holder) WHERE login.role = session_user;
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_pools() RETURNS SETOF BIGINT LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN QUERY
        SELECT pool_id FROM member WHERE pool_id IS NOT NULL AND account_id IN (SELECT asksage_own());
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_me(of_host TEXT, of_holder TEXT) RETURNS BOOLEAN
    LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT EXISTS (
                SELECT FROM login WHERE role = session_user AND host = of_host
                AND (holder = of_holder OR starts_with(of_holder, 'envelope:' || holder || ':'))
            )
        );
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_zone(zone TEXT) RETURNS BOOLEAN LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = zone)
        );
    END $$
    """,
    # The envelopes within one's own accounts: limits of one's own, and nobody else's affair.
    f"""
    CREATE OR REPLACE FUNCTION asksage_envelopes() RETURNS SETOF BIGINT LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN QUERY
        SELECT account.id FROM account JOIN login USING (host)
        WHERE login.role = session_user AND starts_with(account.holder, 'envelope:' || login.holder || ':');
    END $$
    """,
    # The pool from which an account spends now.
    f"""
    CREATE OR REPLACE FUNCTION asksage_pool_of(of_account BIGINT) RETURNS BIGINT
    LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT pool_id FROM member WHERE account_id = of_account ORDER BY seq DESC LIMIT 1
        );
    END $$
    """,
    # What is spent from no pool is the person's own affair.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_free(of_account BIGINT) RETURNS BOOLEAN
    LANGUAGE plpgsql {AS_OWNER} AS $$
    BEGIN
        RETURN (
            SELECT of_account IN (SELECT asksage_envelopes())
                OR (of_account IN (SELECT asksage_own()) AND asksage_pool_of(of_account) IS NULL)
        );
    END $$
    """,
    # A month as the ledger reckons it, begun by now, not over, and beside no other; an hour, as clocks that
    # are put forward or back at midnight are read differently. A zone like EST is also an abbreviation, whose
    # hours a session sets as it likes.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_month(
        of_account BIGINT, of_source TEXT, since BIGINT, until BIGINT
    ) RETURNS BOOLEAN LANGUAGE plpgsql {AS_OWNER} SET timezone_abbreviations = 'Default' AS $$
    DECLARE
        hour CONSTANT BIGINT := 3600000000;
        now CONSTANT BIGINT := extract(epoch FROM clock_timestamp()) * 1000000;
        of_zone TEXT := (SELECT zone FROM account WHERE id = of_account);
        first TIMESTAMP;
        following TIMESTAMP;
    BEGIN
        IF of_source !~ '^allotment:[0-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])$' THEN
            RETURN FALSE;
        END IF;
        first := to_date(substr(of_source, 11), 'YYYY-MM');
        following := first + INTERVAL '1 month';
        RETURN abs(since - extract(epoch FROM first AT TIME ZONE of_zone) * 1000000) <= hour
            AND abs(until - extract(epoch FROM following AT TIME ZONE of_zone) * 1000000) <= hour
            AND since <= now + hour AND until > now - hour
            AND NOT EXISTS (
                SELECT FROM grant_ WHERE account_id = of_account
                AND source LIKE 'allotment:_______' AND source <> of_source
                AND starts < until AND ends > since
            );
    END $$
    """,
    # A plan is told from this month on, and follows from the one before it.
    f"""
    CREATE OR REPLACE FUNCTION asksage_is_next_plan(of_account BIGINT, of_seq BIGINT, since TEXT)
    RETURNS BOOLEAN LANGUAGE plpgsql {AS_OWNER} SET timezone_abbreviations = 'Default' AS $$
    DECLARE
        of_zone TEXT := (SELECT zone FROM account WHERE id = of_account);
    BEGIN
        RETURN of_seq = (SELECT coalesce(max(seq), 0) + 1 FROM plan WHERE account_id = of_account)
            AND since IN (
                to_char((clock_timestamp() - INTERVAL '1 hour') AT TIME ZONE of_zone, 'YYYY-MM'),
                to_char((clock_timestamp() + INTERVAL '1 hour') AT TIME ZONE of_zone, 'YYYY-MM')
            );
    END $$
    """,
)

# What the policies ask, as whoever reads or writes. The triggers call all others as the tables' owner: a
# member who called them would be told of any account.
ASKED = (
    "asksage_own",
    "asksage_pools",
    "asksage_envelopes",
    "asksage_is_me",
    "asksage_is_zone",
    "asksage_is_free",
    "asksage_is_month",
    "asksage_is_next_plan",
)

_IS_OWN = "account_id IN (SELECT asksage_own())"
_IS_REACHED = (
    "account_id IN (SELECT asksage_own() UNION SELECT asksage_pools() UNION SELECT asksage_envelopes())"
)
_HAS_MONTHS = "account_id IN (SELECT asksage_own() UNION SELECT asksage_pools())"
_IS_OF_OWN_GRANT = f"grant_id IN (SELECT id FROM grant_ WHERE {_IS_OWN})"
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
    "account": "asksage_is_me(host, holder) AND asksage_is_zone(zone)",
    "plan": f"{_IS_OWN} AND asksage_is_free(account_id) AND asksage_is_next_plan(account_id, seq, since)",
    "grant_": f"({_HAS_MONTHS} AND {_IS_MONTH}) OR "
    "(asksage_is_free(account_id) AND source NOT LIKE 'allotment:_______' "
    "AND NOT starts_with(source, 'pool-grant:'))",
    "entry": "grant_id IN (SELECT id FROM grant_)",  # and `checks`
    "call": _IS_OWN,
    "bill": _IS_OF_OWN_GRANT,
}
# Ids come from the ledger alone: one taken ahead of time would be refused to whoever is given it.
COLUMNS = {"account": "(host, holder, meter, zone)", "grant_": "(account_id, source, starts, ends)"}
