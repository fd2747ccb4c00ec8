-- The name under which the provider of the model has a turn's answer, if it writes in the background:
-- the owner that comes next reads it there.
ALTER TABLE turn ADD COLUMN upstream TEXT;
