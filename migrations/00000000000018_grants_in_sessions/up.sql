-- What a grant has beyond other sessions stands in its session: the sign-in in the browser, which all
-- apps of it share and which may be gone, and what was granted, as JSON.
ALTER TABLE session ADD COLUMN browser_sid TEXT;
ALTER TABLE session ADD COLUMN granted TEXT;
UPDATE session SET
    browser_sid = (SELECT browser_sid FROM oauth_grant WHERE oauth_grant.session_id = session.id),
    granted = (SELECT granted FROM oauth_grant WHERE oauth_grant.session_id = session.id)
WHERE client_id IS NOT NULL;

CREATE TABLE oauth_refresh_now (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
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
ALTER TABLE oauth_refresh_now RENAME TO oauth_refresh;
CREATE INDEX oauth_refresh_session_id ON oauth_refresh (session_id);

-- A code's grant is the session that the code names, so a code is spent while that is there. Of grants
-- that ended, this keeps the names until nobody can have a code of them any more.
CREATE TABLE oauth_ended_grant (
    session_id TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
INSERT INTO oauth_ended_grant SELECT id, expires_at + 3600000 FROM oauth_spent_code;
DROP TABLE oauth_spent_code;
