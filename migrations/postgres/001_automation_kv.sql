-- The table as the Python service made it, so that a database of that service can be taken over.
CREATE TABLE IF NOT EXISTS automation_kv (
    id              uuid        NOT NULL,
    automation_id   uuid        NOT NULL,
    state_encrypted text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT pk_automation_kv PRIMARY KEY (id),
    CONSTRAINT uq_automation_kv_automation_id UNIQUE (automation_id)
);
