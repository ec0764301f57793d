-- What people think of an answer, from 1 to 10; one word of each person.
CREATE TABLE rating (
  utterance uuid NOT NULL REFERENCES utterance (id) ON DELETE CASCADE,
  person text NOT NULL,
  rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 10),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (utterance, person)
);
