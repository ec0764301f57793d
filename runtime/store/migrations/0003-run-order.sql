-- The order of runs is the one they were written down in: the time of one says nothing of it where the clock was wrong.
ALTER TABLE run ADD COLUMN position bigint;
UPDATE run SET position = numbered.place
  FROM (SELECT id, row_number() OVER (ORDER BY intent_at) AS place FROM run) AS numbered WHERE run.id = numbered.id;
ALTER TABLE run ALTER COLUMN position SET NOT NULL;
ALTER TABLE run ALTER COLUMN position ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('run', 'position'), (SELECT coalesce(max(position), 0) + 1 FROM run), false);
DROP INDEX run_of_resource;
CREATE INDEX run_of_resource ON run (kind, key, position DESC);
