-- Who did what through the door. Never holds a secret: subjects are addresses of resources.
CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  event text NOT NULL,
  who text NOT NULL,
  subject text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('allowed', 'refused', 'failed'))
);
CREATE INDEX audit_at ON audit (at DESC);
