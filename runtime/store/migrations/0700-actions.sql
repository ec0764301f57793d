-- What agents ask a person for. What it is bound to stands in it as JSON text: JSON columns refuse some characters.
CREATE TABLE agent_approval (
  id uuid PRIMARY KEY,
  agent text NOT NULL,
  work text NOT NULL,
  call text NOT NULL,
  task text,
  thread text,
  tool text NOT NULL,
  title text NOT NULL,
  reason text NOT NULL,
  shown text NOT NULL,
  needs text NOT NULL,
  -- Hash of the request alone; `digest` covers the expiry as well.
  request text NOT NULL,
  digest text NOT NULL,
  -- The rule that "always" would save, as JSON text.
  rule text,
  state text NOT NULL CHECK (state IN ('waiting', 'approved', 'denied', 'used', 'expired')),
  asked_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  decided_at timestamptz,
  decided_by text,
  note text
);
CREATE UNIQUE INDEX agent_approval_open ON agent_approval (work, call) WHERE state IN ('waiting', 'approved');
CREATE INDEX agent_approval_recent ON agent_approval (asked_at DESC);
CREATE INDEX agent_approval_waiting ON agent_approval (asked_at) WHERE state = 'waiting';

-- Every step of an agent that reaches outside: dispatched before it is done, ended after. One for each call of the model.
CREATE TABLE agent_action (
  id uuid PRIMARY KEY,
  agent text NOT NULL,
  work text NOT NULL,
  call text NOT NULL,
  attempt integer NOT NULL,
  tool text NOT NULL,
  title text NOT NULL,
  request text NOT NULL,
  approval uuid REFERENCES agent_approval (id),
  state text NOT NULL CHECK (state IN ('dispatched', 'done', 'failed')),
  result text,
  event text NOT NULL,
  dispatched_at timestamptz NOT NULL,
  ended_at timestamptz,
  UNIQUE (work, call)
);
