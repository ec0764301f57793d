-- What was submitted together.
CREATE TABLE task_graph (
  id uuid PRIMARY KEY,
  by_name text NOT NULL,
  thread text,
  origin text,
  at timestamptz NOT NULL,
  -- Whoever asked was told of its end.
  told boolean NOT NULL DEFAULT false,
  -- Times that it was begun anew.
  round integer NOT NULL DEFAULT 0
);
CREATE INDEX ON task_graph (id) WHERE NOT told;

CREATE TABLE task (
  id uuid PRIMARY KEY,
  position bigint GENERATED ALWAYS AS IDENTITY,
  graph uuid NOT NULL REFERENCES task_graph (id),
  idempotency_key text UNIQUE,
  name text NOT NULL,
  description text NOT NULL,
  criteria jsonb NOT NULL,
  agent text NOT NULL,
  priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 10),
  max_retries integer NOT NULL,
  timeout_seconds integer NOT NULL,
  created_at timestamptz NOT NULL,

  state text NOT NULL CHECK (state IN
    ('pending', 'ready', 'assigned', 'in_progress', 'blocked', 'completed', 'failed', 'cancelled')),
  reason text NOT NULL DEFAULT '',
  -- Dependencies that are not completed; at nothing it is ready.
  open_dependencies integer NOT NULL CHECK (open_dependencies >= 0),
  -- Milliseconds since 1970 at which it became ready, less five minutes for each step of priority. Comparing these is
  -- comparing priorities that age, and needs no clock, so an index keeps the order.
  rank bigint NOT NULL,
  -- Times that it became ready.
  round integer NOT NULL DEFAULT 0,

  -- Claims so far: the newest counts.
  token integer NOT NULL DEFAULT 0,
  -- A try has begun and neither succeeded nor failed yet.
  trying boolean NOT NULL DEFAULT false,
  tries integer NOT NULL DEFAULT 0,
  -- Claims whose holder was not heard of again.
  lost integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  -- End of this try; while it waits for something outside, what was left of it.
  deadline timestamptz,
  milliseconds_left bigint,
  -- When the runtime has to look at it again by itself.
  due timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  result text,
  error text,

  hand_offs integer NOT NULL DEFAULT 0,
  -- Times that it sent another task back.
  reworks integer NOT NULL DEFAULT 0,
  -- The task whose failure or cancellation took this one with it.
  cancelled_with uuid,

  tokens bigint NOT NULL DEFAULT 0,
  microdollars bigint NOT NULL DEFAULT 0,
  milliseconds bigint NOT NULL DEFAULT 0,
  -- Since when its time is not booked yet; null while nobody works on it.
  working_since timestamptz,
  -- How many times the budget of a task was granted to it.
  grants integer NOT NULL DEFAULT 1,
  -- It is pending because a budget is spent.
  held boolean NOT NULL DEFAULT false,
  -- It failed for good or is held, and whoever asked was not told yet.
  untold boolean NOT NULL DEFAULT false
);
CREATE INDEX ON task (agent, rank, position) WHERE state = 'ready';
CREATE INDEX ON task (due) WHERE due IS NOT NULL;
CREATE INDEX ON task (graph, position);
CREATE INDEX ON task (graph) WHERE state NOT IN ('completed', 'failed', 'cancelled');
CREATE INDEX ON task (position);
CREATE INDEX ON task (cancelled_with) WHERE cancelled_with IS NOT NULL;
CREATE INDEX ON task (id) WHERE untold;

CREATE TABLE task_dependency (
  needs uuid NOT NULL,
  task uuid NOT NULL,
  PRIMARY KEY (needs, task)
);
CREATE INDEX ON task_dependency (task, needs);

-- What an agent spent on a day (UTC), tasks and conversations together.
CREATE TABLE agent_spending (
  agent text NOT NULL,
  day date NOT NULL,
  tokens bigint NOT NULL DEFAULT 0,
  microdollars bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (agent, day)
);
