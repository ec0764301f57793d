-- The repository elsewhere that main is mirrored with: one row while there is one.
CREATE TABLE upstream (
  name text PRIMARY KEY,
  -- As settings.yaml declares it; secrets by name.
  declared jsonb NOT NULL,
  -- Its branch when it was last seen.
  head text,
  -- The last commit that both sides had.
  agreed text,
  seen_at timestamptz,
  -- What keeps both sides apart, or null.
  problem jsonb
);
-- Signatures of webhooks that were heard: the same one again is a replay.
CREATE TABLE upstream_delivery (
  signature text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
-- What a forge was told last of each commit, and where the plan of a pull request stands.
CREATE TABLE forge_report (
  repository text NOT NULL,
  subject text NOT NULL,
  said text NOT NULL,
  reference text NOT NULL DEFAULT '',
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (repository, subject)
);
