"""An entry's hash, made anew by PostgreSQL: what binds it to the one before it and to its record."""

from __future__ import annotations

from .seeing import AS_OWNER

HASHED = (
    # A text as Python's json writes it. A backslash by its number: quoted, it means another thing where
    # standard_conforming_strings is off.
    """
    CREATE OR REPLACE FUNCTION asksage_json(value TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE
            WHEN value IS NULL THEN 'null'
            WHEN octet_length(value) = length(value)
                THEN replace(to_json(value)::text, chr(127), chr(92) || 'u007f')
            ELSE (
                SELECT string_agg(CASE
                    WHEN code < 127 THEN piece
                    WHEN code < 65536 THEN chr(92) || 'u' || lpad(to_hex(code), 4, '0')
                    ELSE chr(92) || 'u' || to_hex(55296 + ((code - 65536) >> 10))
                        || chr(92) || 'u' || to_hex(56320 + ((code - 65536) & 1023))
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
