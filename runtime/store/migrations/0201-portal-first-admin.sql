-- One row: the hash of the code that makes the first administrator, until it is used.
CREATE TABLE portal_first_admin (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  code_hash text NOT NULL,
  wrong_tries integer NOT NULL DEFAULT 0,
  tries_since timestamptz NOT NULL DEFAULT now()
);
