-- A code holds what it stands for, sealed: what is kept is that it was redeemed.
DROP TABLE oauth_code;

CREATE TABLE oauth_spent_code (
    id TEXT NOT NULL PRIMARY KEY,
    -- The session of the grant that it became.
    grant_sid TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
