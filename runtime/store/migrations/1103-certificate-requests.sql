-- What a person wants done with the certificate of a host, until it is done.
CREATE TABLE certificate_request (
  host text PRIMARY KEY,
  action text NOT NULL CHECK (action IN ('renew', 'revoke')),
  -- Why, for the authority; only of a revocation.
  reason text,
  -- Id of the certificate that it is about.
  certificate text NOT NULL,
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL
);
