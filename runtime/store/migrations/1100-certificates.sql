-- Tries to obtain a certificate: authorities count them, so none may be forgotten.
CREATE TABLE certificate_attempt (
  host text NOT NULL,
  at timestamptz NOT NULL,
  directory text NOT NULL,
  -- Null when it was obtained.
  failure text,
  PRIMARY KEY (host, at)
);
