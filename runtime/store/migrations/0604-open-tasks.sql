-- What is ready, due or open is found in memory. An index that depends on a state would be written at each change of it;
-- without, a task changes within its page, which keeps room for that.
DROP INDEX task_agent_rank_position_idx;
DROP INDEX task_due_idx;
DROP INDEX task_graph_idx;
ALTER TABLE task SET (fillfactor = 60);
