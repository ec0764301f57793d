-- The order of tries is the one they were written down in: the time of one says nothing of it where the clock was wrong.
ALTER TABLE certificate_attempt DROP CONSTRAINT certificate_attempt_pkey, ADD COLUMN position bigint;
UPDATE certificate_attempt SET position = numbered.place
  FROM (SELECT host, at, row_number() OVER (ORDER BY at) AS place FROM certificate_attempt) AS numbered
  WHERE certificate_attempt.host = numbered.host AND certificate_attempt.at = numbered.at;
ALTER TABLE certificate_attempt ALTER COLUMN position SET NOT NULL, ADD PRIMARY KEY (position);
ALTER TABLE certificate_attempt ALTER COLUMN position ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('certificate_attempt', 'position'), (SELECT coalesce(max(position), 0) + 1 FROM certificate_attempt), false);
CREATE INDEX certificate_attempt_of_host ON certificate_attempt (host, position);
