"""An entry follows from the one before it: sequence, totals, time and hash; nothing is ever changed."""

from __future__ import annotations

from .seeing import ANEW

FOLLOWS = f"""
    CREATE OR REPLACE FUNCTION asksage_follows() RETURNS TRIGGER LANGUAGE plpgsql {ANEW} AS $$
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

REFUSE = """
    CREATE OR REPLACE FUNCTION asksage_refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a ledger is never updated or deleted' USING ERRCODE = 'insufficient_privilege';
    END $$
"""
