-- What an authority refused because of the whole account, and not of the host that asked.
ALTER TABLE certificate_attempt ADD COLUMN scope text CHECK (scope = 'account');
CREATE INDEX certificate_attempt_of_account ON certificate_attempt (directory, position) WHERE scope = 'account';
