-- Times that its agent began with it.
ALTER TABLE message ADD COLUMN deliveries integer NOT NULL DEFAULT 0;

-- What could not be delivered, and why.
CREATE TABLE dead_letter (
  id uuid PRIMARY KEY,
  agent text NOT NULL,
  -- Null when it could not even be read.
  message uuid REFERENCES message (id),
  reason text NOT NULL,
  content text NOT NULL,
  at timestamptz NOT NULL,
  replayed_at timestamptz
);
CREATE INDEX ON dead_letter (at);

-- What an agent told all others: each hears it with the next work that it begins.
CREATE TABLE note (
  message uuid PRIMARY KEY REFERENCES message (id),
  agent text NOT NULL,
  by_name text NOT NULL,
  text text NOT NULL,
  tainted boolean NOT NULL,
  at timestamptz NOT NULL,
  work uuid
);
CREATE INDEX ON note (agent, at) WHERE work IS NULL;

-- A question of one agent to another; one for each call, however often it is asked.
CREATE TABLE consultation (
  message uuid PRIMARY KEY REFERENCES message (id),
  asker text NOT NULL,
  work uuid NOT NULL,
  call text NOT NULL,
  answerer text NOT NULL,
  UNIQUE (work, call)
);
CREATE INDEX ON consultation (asker);
