-- Beginning a grant writes a page for each index that it stands in, so what is never looked up does
-- without: most sessions hang on none, and a sign-in is no app's.
DROP INDEX session_parent_id;
CREATE INDEX session_parent_id ON session (parent_id) WHERE parent_id IS NOT NULL;
DROP INDEX session_client_id;
CREATE INDEX session_client_id ON session (client_id) WHERE client_id IS NOT NULL;

-- A grant goes with its session, which goes with its person and its app.
CREATE TABLE oauth_grant_now (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- The sign-in in the browser: `sid` for the apps. It may be gone.
    browser_sid TEXT NOT NULL,
    -- Whether it outlives that sign-in.
    offline BOOLEAN NOT NULL,
    granted TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO oauth_grant_now SELECT session_id, client_id, user_id, browser_sid, offline, granted, created_at FROM oauth_grant;
CREATE TABLE oauth_refresh_now (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES oauth_grant_now (session_id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    -- The answer that it was exchanged for, sealed, for as long as it may be sent again.
    replay TEXT,
    replay_until BIGINT
);
INSERT INTO oauth_refresh_now SELECT hash, session_id, expires_at, created_at, used_at, replay, replay_until FROM oauth_refresh;
DROP TABLE oauth_refresh;
DROP TABLE oauth_grant;
ALTER TABLE oauth_grant_now RENAME TO oauth_grant;
ALTER TABLE oauth_refresh_now RENAME TO oauth_refresh;
CREATE INDEX oauth_grant_browser_sid ON oauth_grant (browser_sid);
CREATE INDEX oauth_refresh_session_id ON oauth_refresh (session_id);
