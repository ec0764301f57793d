-- The tools that users wrote for an agent: names and texts of files.
ALTER TABLE agent ADD COLUMN tools jsonb NOT NULL DEFAULT '[]';
