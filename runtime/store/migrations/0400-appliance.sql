-- Who keeps its state here: the prefix of its names on servers that it shares with others.
CREATE TABLE appliance (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO appliance DEFAULT VALUES;
