-- Repositories that were begun: one that is gone later is never begun anew behind anybody's back.
CREATE TABLE backup_repository (
  name text PRIMARY KEY,
  location text NOT NULL,
  repository_id text NOT NULL,
  begun_at timestamptz NOT NULL
);

-- Everything that was done with a backup, and what is asked for.
CREATE TABLE backup_run (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  verb text NOT NULL CHECK (verb IN ('run', 'verify', 'restore', 'push')),
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  outcome text NOT NULL CHECK (outcome IN ('asked', 'running', 'succeeded', 'failed', 'interrupted')),
  -- The last thing that was reached.
  step text NOT NULL DEFAULT '',
  -- Of a failure: waiting, stalled or failed; and one stable word.
  kind text NOT NULL DEFAULT '',
  reason text NOT NULL DEFAULT '',
  message text NOT NULL DEFAULT '',
  facts jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX backup_run_name ON backup_run (name, verb, asked_at DESC);
CREATE INDEX backup_run_open ON backup_run (outcome) WHERE outcome IN ('asked', 'running');
