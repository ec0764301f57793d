-- One hold and one approval for a commit, whatever it takes away in how many kinds. What was held for each kind alone is
-- found again at the next look, and asked for anew.
DROP TABLE hold, approval;

CREATE TABLE held_commit (
  -- Random: it cannot be computed from the commit, so nobody can make two commits that share one.
  id text PRIMARY KEY,
  digest text NOT NULL,
  revision text NOT NULL,
  reason text NOT NULL,
  kinds jsonb NOT NULL,
  since timestamptz NOT NULL,
  -- Null while it is held; it ends with its approval, or with the commit or the difference that takes its place.
  ended_at timestamptz,
  approved_by text,
  -- Known to stand in the audit.
  audited boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX held_commit_now ON held_commit ((true)) WHERE ended_at IS NULL;
