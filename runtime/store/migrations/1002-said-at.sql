-- When something was said last is asked for with each message; a long conversation was read for it.
CREATE INDEX ON utterance (thread, at);
