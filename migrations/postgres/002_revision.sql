-- What a save is compared with, so that no lost race goes unnoticed.
ALTER TABLE automation_kv ADD COLUMN revision bigint NOT NULL DEFAULT 1;

-- Set when an automation was deleted: a tombstone, whose state is empty.
ALTER TABLE automation_kv ADD COLUMN deleted_at timestamptz;

-- Sealed states do not compress, so trying costs time and gives nothing.
ALTER TABLE automation_kv ALTER COLUMN state_encrypted SET STORAGE EXTERNAL;

-- Room in each page for the next version of its rows, which then touches no index.
ALTER TABLE automation_kv SET (fillfactor = 60);
