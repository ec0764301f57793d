-- When an authority that had too many questions takes the next one.
ALTER TABLE certificate_attempt ADD COLUMN not_before timestamptz;
