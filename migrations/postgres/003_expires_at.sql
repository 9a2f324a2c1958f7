-- When the first of a state's keys stops to exist, in milliseconds since 1970; NULL if none does.
ALTER TABLE automation_kv ADD COLUMN expires_at bigint;

-- Finds what is due. States without a time are not in it, so saving them touches no index.
CREATE INDEX ix_automation_kv_expires_at ON automation_kv (expires_at) WHERE expires_at IS NOT NULL;
