-- Most tasks have no key, and an index without them is not written for them.
ALTER TABLE task DROP CONSTRAINT task_idempotency_key_key;
CREATE UNIQUE INDEX ON task (idempotency_key) WHERE idempotency_key IS NOT NULL;
