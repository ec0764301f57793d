-- What an agent may do; nothing, until it is declared again.
ALTER TABLE agent ADD COLUMN policy jsonb NOT NULL DEFAULT '{
  "read": {"allow": [], "deny": [], "ask": []}, "write": {"allow": [], "deny": [], "ask": []},
  "net": {"allow": [], "deny": [], "ask": []}, "run": {"allow": [], "deny": [], "ask": []},
  "env": {"allow": [], "deny": [], "ask": []}, "sql": {"allow": [], "deny": [], "ask": []},
  "verb": {"allow": [], "deny": [], "ask": []},
  "limits": {"max_file_size_mb": 0, "max_execution_time_seconds": 0, "max_download_size_mb": 0, "max_memory_mb": 0,
    "max_connections": 0, "rate_limit_requests_per_minute": 0},
  "budgets": {"task_tokens": 0, "task_usd": 0, "task_minutes": 0, "day_tokens": 0, "day_usd": 0}
}';
ALTER TABLE agent ALTER COLUMN policy DROP DEFAULT;

-- Conversations with an agent, and one for each task that it works on.
CREATE TABLE thread (
  id uuid PRIMARY KEY,
  agent text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('chat', 'task')),
  title text NOT NULL,
  task text,
  created_by text NOT NULL,
  -- Text of strangers is in it, and where that came from.
  tainted boolean NOT NULL DEFAULT false,
  sources text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  archived boolean NOT NULL DEFAULT false,
  -- Where the agent is spoken to when nobody names a thread.
  main boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX ON thread (agent) WHERE main;
CREATE UNIQUE INDEX ON thread (task, agent);
CREATE INDEX ON thread (agent, created_at);

INSERT INTO thread (id, agent, kind, title, created_by, created_at, main)
  SELECT gen_random_uuid(), agent, 'chat', '', 'operator', min(at), true FROM utterance GROUP BY agent;

ALTER TABLE utterance ADD COLUMN thread uuid REFERENCES thread (id);
UPDATE utterance SET thread = thread.id FROM thread WHERE thread.agent = utterance.agent;
ALTER TABLE utterance ALTER COLUMN thread SET NOT NULL;
CREATE INDEX ON utterance (thread, position);
-- Blocks of the Messages API that came with it; json keeps them byte for byte.
ALTER TABLE utterance ADD COLUMN attachments json;
-- Of an answer under way: how much of its text stands in whole entries, in UTF-16 units.
ALTER TABLE utterance ADD COLUMN kept integer NOT NULL DEFAULT 0;
-- An event is something that happened and that the agent speaks of, like the end of a task that it gave away.
ALTER TABLE utterance DROP CONSTRAINT utterance_role_check;
ALTER TABLE utterance ADD CONSTRAINT utterance_role_check CHECK (role IN ('person', 'agent', 'event'));

-- What the model was told and said, in the form of its API. Rows are only added; a row that begins makes those before it
-- history, which the model is not told any more. json keeps the content byte for byte, so that a prefix stays one.
CREATE TABLE transcript (
  thread uuid NOT NULL REFERENCES thread (id),
  position bigint GENERATED ALWAYS AS IDENTITY,
  role text NOT NULL CHECK (role IN ('user', 'assistant')),
  content json NOT NULL,
  work uuid NOT NULL,
  attempt integer NOT NULL,
  -- Number of the event among those of the attempt, and of the entry within it: what is reported twice counts once.
  event integer NOT NULL,
  part integer NOT NULL,
  begins boolean NOT NULL DEFAULT false,
  at timestamptz NOT NULL,
  PRIMARY KEY (thread, position),
  UNIQUE (work, attempt, event, part)
);

INSERT INTO transcript (thread, role, content, work, attempt, event, part, at)
  SELECT thread, role, json_build_array(json_build_object('type', 'text', 'text', text)), question, 0, event, 0, at FROM (
    SELECT question.thread, question.position, question.id AS question, turn.event, turn.role, turn.text, turn.at,
      row_number() OVER (PARTITION BY question.thread ORDER BY question.position DESC) AS age
    FROM utterance AS question
    JOIN utterance AS answer ON answer.answers = question.id AND answer.state = 'done' AND answer.text <> ''
    CROSS JOIN LATERAL (VALUES (0, 'user', question.text, question.at), (1, 'assistant', answer.text, answer.at))
      AS turn (event, role, text, at)
  ) AS turns WHERE age <= 40 ORDER BY thread, position, event;

-- What an agent did for an answer or a task, step by step.
CREATE TABLE work_step (
  work uuid NOT NULL,
  call text NOT NULL,
  thread uuid NOT NULL REFERENCES thread (id),
  position bigint GENERATED ALWAYS AS IDENTITY,
  tool text NOT NULL,
  title text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'denied')),
  summary text NOT NULL DEFAULT '',
  -- The end of what it wrote.
  output text NOT NULL DEFAULT '',
  -- Length of the answer's text when it began, in UTF-16 units.
  after_text integer NOT NULL,
  started_at timestamptz NOT NULL,
  milliseconds integer,
  PRIMARY KEY (work, call)
);
CREATE INDEX ON work_step (thread, position);

-- What the model was asked for, and counted.
CREATE TABLE model_usage (
  work uuid NOT NULL,
  attempt integer NOT NULL,
  event integer NOT NULL,
  agent text NOT NULL,
  thread uuid NOT NULL REFERENCES thread (id),
  model text NOT NULL,
  input_tokens integer NOT NULL,
  output_tokens integer NOT NULL,
  cache_read_tokens integer NOT NULL,
  cache_write_tokens integer NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (work, attempt, event)
);
CREATE INDEX ON model_usage (agent, at);

-- A message is open until its work is settled.
ALTER TABLE message ADD COLUMN thread uuid REFERENCES thread (id);
ALTER TABLE message ADD COLUMN task text;
ALTER TABLE message ADD COLUMN settled_at timestamptz;
UPDATE message SET settled_at = now() WHERE NOT EXISTS (
  SELECT 1 FROM utterance WHERE utterance.id = message.id AND utterance.state IN ('queued', 'answering'));
UPDATE message SET thread = utterance.thread FROM utterance WHERE utterance.id = message.id;
CREATE INDEX ON message (target, at) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX ON message (task) WHERE settled_at IS NULL;
