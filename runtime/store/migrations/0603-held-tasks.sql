-- Few are held at any time, and each change of a policy asks for them.
CREATE INDEX ON task (agent) WHERE held;
