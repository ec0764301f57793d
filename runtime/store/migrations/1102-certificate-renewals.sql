-- What an authority suggests for the renewal of a certificate, and the moment that was drawn in its window.
CREATE TABLE certificate_renewal (
  certificate text PRIMARY KEY,
  host text NOT NULL UNIQUE,
  window_start timestamptz,
  window_end timestamptz,
  moment timestamptz,
  explanation text,
  ask_at timestamptz NOT NULL,
  failures integer NOT NULL
);
