-- Apps that people sign in to with their account here, and what they have let them do.

CREATE TABLE oauth_client (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- SHA-256 of the secret; none of a public client, or of one that proves itself by a key.
    secret_hash TEXT,
    -- SHA-256 of the token by which the client manages its own registration (RFC 7592).
    registration_hash TEXT,
    -- Who registered it; none: the operator, or nobody who was signed in.
    owner_id TEXT REFERENCES "user" (id) ON DELETE CASCADE,
    disabled BOOLEAN NOT NULL,
    -- What was registered (RFC 7591 §2), as JSON.
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX oauth_client_owner_id ON oauth_client (owner_id);

-- What an app may do for a person is a session of its own: all that ends sessions ends it.
ALTER TABLE session ADD COLUMN client_id TEXT REFERENCES oauth_client (id) ON DELETE CASCADE;
CREATE INDEX session_client_id ON session (client_id);

CREATE TABLE oauth_grant (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    -- The sign-in in the browser: `sid` for the apps. It may be gone.
    browser_sid TEXT NOT NULL,
    -- Whether it outlives that sign-in.
    offline BOOLEAN NOT NULL,
    granted TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX oauth_grant_client_id ON oauth_grant (client_id);
CREATE INDEX oauth_grant_user_id ON oauth_grant (user_id);
CREATE INDEX oauth_grant_browser_sid ON oauth_grant (browser_sid);

-- Refresh tokens, used ones too: using one again ends the grant.
CREATE TABLE oauth_refresh (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES oauth_grant (session_id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    -- The answer that it was exchanged for, sealed, for as long as it may be sent again.
    replay TEXT,
    replay_until BIGINT
);
CREATE INDEX oauth_refresh_session_id ON oauth_refresh (session_id);

-- Authorization codes. One that was used names the grant that it became, which a second use ends.
CREATE TABLE oauth_code (
    hash TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    browser_sid TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT,
    granted TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    grant_sid TEXT
);
CREATE INDEX oauth_code_client_id ON oauth_code (client_id);
CREATE INDEX oauth_code_user_id ON oauth_code (user_id);
CREATE INDEX oauth_code_browser_sid ON oauth_code (browser_sid);

CREATE TABLE oauth_consent (
    client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    id TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    -- Asked resources and claims, as JSON.
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, user_id)
);
CREATE INDEX oauth_consent_user_id ON oauth_consent (user_id);

-- Authorization requests that wait: pushed by a client (RFC 9126), or sent by POST.
CREATE TABLE oauth_request (
    hash TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    pushed BOOLEAN NOT NULL,
    params TEXT NOT NULL,
    -- The key that a pushed request was proved with (RFC 9449 §10.1).
    jkt TEXT,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX oauth_request_client_id ON oauth_request (client_id);

-- Devices without a browser that wait for their person (RFC 8628).
CREATE TABLE oauth_device (
    hash TEXT NOT NULL PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    -- Asked resources, as JSON.
    detail TEXT NOT NULL,
    -- Where the device asked from.
    address TEXT NOT NULL,
    agent TEXT,
    status TEXT NOT NULL,
    user_id TEXT REFERENCES "user" (id) ON DELETE CASCADE,
    browser_sid TEXT REFERENCES session (id) ON DELETE CASCADE,
    granted TEXT,
    polled_at BIGINT NOT NULL,
    interval_ms BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX oauth_device_client_id ON oauth_device (client_id);
CREATE INDEX oauth_device_user_id ON oauth_device (user_id);
CREATE INDEX oauth_device_browser_sid ON oauth_device (browser_sid);

-- Logout tokens that apps are still to be sent (OpenID Connect Back-Channel Logout 1.0).
CREATE TABLE oauth_logout (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    browser_sid TEXT,
    tries INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX oauth_logout_due_at ON oauth_logout (due_at);
CREATE INDEX oauth_logout_client_id ON oauth_logout (client_id);
