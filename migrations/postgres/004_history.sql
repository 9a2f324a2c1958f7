-- The states that automations had before each of their latest runs wrote for the first time; NULL if there was none.
CREATE TABLE automation_kv_history (
    automation_id   uuid             NOT NULL,
    run_id          text COLLATE "C" NOT NULL,
    version         bigint           NOT NULL,
    size_bytes      bigint           NOT NULL,
    state_encrypted text,
    kept_at         timestamptz      NOT NULL,
    CONSTRAINT pk_automation_kv_history PRIMARY KEY (automation_id, run_id),
    CONSTRAINT fk_automation_kv_history_automation_id FOREIGN KEY (automation_id)
        REFERENCES automation_kv (automation_id) ON DELETE CASCADE
);

-- Sealed states do not compress, so trying costs time and gives nothing.
ALTER TABLE automation_kv_history ALTER COLUMN state_encrypted SET STORAGE EXTERNAL;
