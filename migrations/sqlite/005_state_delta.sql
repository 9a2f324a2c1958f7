-- What has changed since the state in state_encrypted was sealed, from the mark between the two on; NULL if nothing has. So a
-- small change of a large state leaves that column as it is.
ALTER TABLE automation_kv ADD COLUMN state_delta TEXT;
