-- When the holder of a session last proved to be its person (password or second factor).
ALTER TABLE session ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
UPDATE session SET proved_at = created_at;
