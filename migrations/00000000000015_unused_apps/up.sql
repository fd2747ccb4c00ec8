-- Since when an app that registered itself has been there without anybody having used it. None: it was
-- used, or it is not the janitor's to remove.
ALTER TABLE oauth_client ADD COLUMN unused_since BIGINT;
CREATE INDEX oauth_client_unused_since ON oauth_client (unused_since);
