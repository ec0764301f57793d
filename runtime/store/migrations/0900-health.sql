-- How the last works of each agent went: what its error rate and response time are made of.
CREATE TABLE health_sample (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  agent text NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('question', 'task')),
  succeeded boolean NOT NULL,
  -- From the start of the work to its first sign; null when it gave none that was seen.
  milliseconds integer
);
CREATE INDEX ON health_sample (agent, position);

-- What was tried to bring an agent back; outlives a restart of the appliance.
CREATE TABLE health_recovery (
  agent text PRIMARY KEY,
  attempts integer NOT NULL,
  last_at timestamptz NOT NULL,
  -- It takes no tasks until then.
  paused_until timestamptz,
  escalated_at timestamptz
);

-- What a person has to know. At most one of a kind is open for one subject.
CREATE TABLE alert (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
  kind text NOT NULL,
  subject text NOT NULL,
  message text NOT NULL,
  seen_by text,
  seen_at timestamptz,
  resolved_at timestamptz
);
CREATE UNIQUE INDEX alert_open ON alert (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX ON alert (at DESC);
