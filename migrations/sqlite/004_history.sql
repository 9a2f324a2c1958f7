-- The states that automations had before each of their latest runs wrote for the first time; NULL if there was none.
CREATE TABLE automation_kv_history (
    automation_id   CHAR(32) NOT NULL,
    run_id          TEXT     NOT NULL,
    version         BIGINT   NOT NULL,
    size_bytes      BIGINT   NOT NULL,
    state_encrypted TEXT,
    kept_at         DATETIME NOT NULL,
    CONSTRAINT pk_automation_kv_history PRIMARY KEY (automation_id, run_id),
    CONSTRAINT fk_automation_kv_history_automation_id FOREIGN KEY (automation_id)
        REFERENCES automation_kv (automation_id) ON DELETE CASCADE
);
