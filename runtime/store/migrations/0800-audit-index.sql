-- The audit is a file; this table is its index, to be searched. Rows without a sequence are older than the file.
ALTER TABLE audit DROP CONSTRAINT audit_outcome_check;
ALTER TABLE audit RENAME COLUMN event TO action;
ALTER TABLE audit RENAME COLUMN who TO user_name;
ALTER TABLE audit RENAME COLUMN subject TO target;
ALTER TABLE audit
  ADD COLUMN sequence bigint UNIQUE,
  ADD COLUMN hash text,
  ADD COLUMN type text NOT NULL DEFAULT 'config_changed',
  ADD COLUMN agent text NOT NULL DEFAULT '',
  -- Details, session and address as JSON text: JSON columns refuse some characters.
  ADD COLUMN more text NOT NULL DEFAULT '{}';
ALTER TABLE audit ALTER COLUMN type DROP DEFAULT;
UPDATE audit SET outcome = CASE outcome WHEN 'allowed' THEN 'success' WHEN 'refused' THEN 'denied' ELSE 'failure' END;
UPDATE audit SET agent = substr(user_name, 7), user_name = '' WHERE user_name LIKE 'agent %';
UPDATE audit SET type = 'user_login' WHERE action IN ('sign-in', 'first-admin');
UPDATE audit SET type = 'user_logout' WHERE action = 'sign-out';
UPDATE audit SET type = 'api_call' WHERE action IN ('say', 'agent.say', 'push.judged');
UPDATE audit SET type = 'permission_denied' WHERE outcome = 'denied';
CREATE INDEX audit_type ON audit (type, id DESC);
CREATE INDEX audit_agent ON audit (agent, id DESC) WHERE agent <> '';
CREATE INDEX audit_user ON audit (user_name, id DESC) WHERE user_name <> '';
