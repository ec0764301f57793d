-- What was spent stays counted when a conversation is deleted.
ALTER TABLE model_usage DROP CONSTRAINT model_usage_thread_fkey;
