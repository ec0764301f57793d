-- What is not told yet is looked up by its graph.
DROP INDEX task_id_idx;
CREATE INDEX ON task (graph) WHERE untold;
