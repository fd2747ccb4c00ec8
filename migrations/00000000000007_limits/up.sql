-- What limits are counted by, for all nodes at once and over restarts.

-- Passwords that were tried for an account, known to us or not: by its hashed address.
CREATE TABLE guess (
    account TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    checking INTEGER NOT NULL,
    failed_at BIGINT NOT NULL,
    begun_at BIGINT NOT NULL
);

-- A token bucket a key, as the time at which it is full again.
CREATE TABLE allowance (
    key TEXT NOT NULL PRIMARY KEY,
    full_at BIGINT NOT NULL
);
