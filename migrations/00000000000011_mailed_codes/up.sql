-- Whether the person may have a code mailed as her second factor. Somebody without an authenticator
-- app has an empty secret.
ALTER TABLE two_factor ADD COLUMN by_mail BOOLEAN NOT NULL DEFAULT FALSE;

-- A code that was mailed, under the name of the sign-in that waits for it or of the session that
-- asked for it. The code is kept as a hash.
CREATE TABLE mailed_code (
    name TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    code_hash TEXT NOT NULL,
    tries INTEGER NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mailed_code_user_id ON mailed_code (user_id);
