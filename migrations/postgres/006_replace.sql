-- Replaces the states of rows that are at their revision, and gives the ids of those that were; the arrays have one element for
-- each row. A base of NULL stays, if it begins with the name that is kept. Rows that others have locked are waited for or left alone.
--
-- A function, because its statements are planned once for a connection: planning a group's rows takes longer than replacing
-- them. So the plan must be good for whatever the table is later. The settings, and conditions that are no plain equality of
-- ids, leave only one: each row is found by its id, in the order in which they are given. (With a plain equality, the ids of a
-- table that is tiny are all read instead, in their order.)
CREATE FUNCTION automation_kv_replace(
    automation_ids uuid[],
    revisions bigint[],
    bases text[],
    deltas text[],
    kept_names text[],
    expiries bigint[],
    skip_locked boolean
) RETURNS SETOF uuid
LANGUAGE plpgsql
SET work_mem = '32MB'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    IF skip_locked THEN
        RETURN QUERY
        WITH free AS (
            SELECT kv.automation_id, next.base, next.delta, next.expires_at
            FROM unnest(automation_ids, revisions, bases, deltas, kept_names, expiries)
                AS next (automation_id, revision, base, delta, kept_name, expires_at)
            JOIN automation_kv AS kv
                ON kv.automation_id = ANY (ARRAY[next.automation_id]) AND kv.revision = next.revision
            WHERE kv.deleted_at IS NULL
                AND (next.kept_name IS NULL OR left(kv.state_encrypted, 34) = next.kept_name)
            FOR NO KEY UPDATE OF kv SKIP LOCKED
        )
        UPDATE automation_kv AS kv
        SET state_encrypted = COALESCE(free.base, kv.state_encrypted),
            state_delta = free.delta,
            expires_at = free.expires_at,
            revision = kv.revision + 1,
            updated_at = clock_timestamp()
        FROM free
        WHERE kv.automation_id = ANY (ARRAY[free.automation_id])
        RETURNING kv.automation_id;
    ELSE
        RETURN QUERY
        UPDATE automation_kv AS kv
        SET state_encrypted = COALESCE(next.base, kv.state_encrypted),
            state_delta = next.delta,
            expires_at = next.expires_at,
            revision = kv.revision + 1,
            updated_at = clock_timestamp()
        FROM unnest(automation_ids, revisions, bases, deltas, kept_names, expiries)
            AS next (automation_id, revision, base, delta, kept_name, expires_at)
        WHERE kv.automation_id = ANY (ARRAY[next.automation_id])
            AND kv.revision = next.revision
            AND kv.deleted_at IS NULL
            AND (next.kept_name IS NULL OR left(kv.state_encrypted, 34) = next.kept_name)
        RETURNING kv.automation_id;
    END IF;
END
$$;
