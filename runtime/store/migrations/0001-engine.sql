-- The commit that each kind converges to; the blast cap compares with it.
CREATE TABLE kind_target (
  kind text PRIMARY KEY,
  revision text NOT NULL,
  accepted_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE verified_revision (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision text NOT NULL,
  verified_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE resource_status (
  kind text NOT NULL,
  key text NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  message text NOT NULL,
  revision text NOT NULL,
  since timestamptz NOT NULL,
  PRIMARY KEY (kind, key)
);

-- The journal: one row a change, written as intent before anything happens.
CREATE TABLE run (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  key text NOT NULL,
  revision text NOT NULL,
  trigger text NOT NULL,
  operation text NOT NULL,
  summary text NOT NULL,
  digest text NOT NULL,
  intent_at timestamptz NOT NULL,
  applied_at timestamptz,
  ended_at timestamptz,
  outcome text CHECK (outcome IN ('verified', 'failed', 'superseded', 'interrupted')),
  message text NOT NULL DEFAULT ''
);
CREATE INDEX run_of_resource ON run (kind, key, intent_at DESC);
CREATE INDEX run_open ON run (intent_at) WHERE outcome IS NULL;

CREATE TABLE step (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  name text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE retry (
  kind text NOT NULL,
  key text NOT NULL,
  attempts integer NOT NULL,
  next_at timestamptz NOT NULL,
  digest text NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (kind, key)
);

CREATE TABLE hold (
  digest text PRIMARY KEY,
  kind text NOT NULL,
  revision text NOT NULL,
  reason text NOT NULL,
  changes jsonb NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);

-- An approval is used once, by the kind's target moving.
CREATE TABLE approval (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest text NOT NULL,
  approved_by text NOT NULL,
  approved_at timestamptz NOT NULL DEFAULT now(),
  used_at timestamptz
);
CREATE UNIQUE INDEX approval_unused ON approval (digest) WHERE used_at IS NULL;

CREATE TABLE suspension (
  kind text NOT NULL,
  key text NOT NULL,
  reason text NOT NULL,
  owner text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (kind, key)
);
