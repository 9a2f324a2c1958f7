-- Nothing to do: the statements that save are planned once for a connection as they are.
SELECT 1;
