-- What has changed since the state in state_encrypted was sealed, from the mark between the two on; NULL if nothing has. So a
-- small change of a large state leaves that column as it is, and with it what is stored out of line for it.
ALTER TABLE automation_kv ADD COLUMN state_delta text;

-- What is sealed does not compress, so trying costs time and gives nothing.
ALTER TABLE automation_kv ALTER COLUMN state_delta SET STORAGE EXTERNAL;
