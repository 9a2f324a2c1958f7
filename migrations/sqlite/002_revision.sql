-- What a save is compared with, so that no lost race goes unnoticed.
ALTER TABLE automation_kv ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;

-- Set when an automation was deleted: a tombstone, whose state is empty.
ALTER TABLE automation_kv ADD COLUMN deleted_at DATETIME;
