-- What each agent's process was last told to be.
CREATE TABLE agent (
  name text PRIMARY KEY,
  level smallint NOT NULL CHECK (level BETWEEN 0 AND 3),
  description text NOT NULL,
  prompt text NOT NULL,
  model text NOT NULL,
  max_tokens integer NOT NULL,
  -- Hash of what needs a new process.
  configuration text NOT NULL,
  -- How often a person asked for a new process.
  generation integer NOT NULL DEFAULT 0
);

-- Windows that had to be started again because their process or they themselves were gone.
CREATE TABLE agent_restart (
  key text NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX ON agent_restart (key, at);

-- Every message, committed before it goes out.
CREATE TABLE message (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  source text NOT NULL,
  target text NOT NULL,
  type text NOT NULL,
  priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 10),
  payload jsonb NOT NULL,
  pai jsonb NOT NULL DEFAULT '{}'
);

-- A question has the id of the message that carries it; its answer points to it, and there is one at most.
CREATE TABLE utterance (
  id uuid PRIMARY KEY,
  position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  agent text NOT NULL,
  role text NOT NULL CHECK (role IN ('person', 'agent')),
  by_name text NOT NULL,
  text text NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'answering', 'done', 'failed')),
  at timestamptz NOT NULL,
  answers uuid UNIQUE REFERENCES utterance (id),
  attempt integer NOT NULL DEFAULT 0
);
CREATE INDEX ON utterance (agent, position);
CREATE INDEX ON utterance (agent, position) WHERE state IN ('queued', 'answering');
