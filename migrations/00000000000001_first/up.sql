-- Portable SQL: it runs as it stands on SQLite and on PostgreSQL. Ids are TEXT, times BIGINT epoch
-- milliseconds, JSON is TEXT. Forward only: there is no down.sql.

CREATE TABLE "user" (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    email_verified BOOLEAN NOT NULL,
    image TEXT,
    role TEXT NOT NULL,
    banned BOOLEAN NOT NULL,
    ban_reason TEXT,
    ban_expires BIGINT,
    two_factor_enabled BOOLEAN NOT NULL,
    quota_limit INTEGER,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    remember BOOLEAN NOT NULL,
    ip_address TEXT NOT NULL,
    user_agent TEXT,
    impersonated_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX session_user_id ON session (user_id);

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    password TEXT,
    access_token TEXT,
    refresh_token TEXT,
    id_token TEXT,
    access_token_expires_at BIGINT,
    refresh_token_expires_at BIGINT,
    scope TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (provider_id, account_id)
);
CREATE INDEX account_user_id ON account (user_id);

CREATE TABLE verification (
    id TEXT NOT NULL PRIMARY KEY,
    identifier TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX verification_identifier ON verification (identifier);

CREATE TABLE signing_key (
    kid TEXT NOT NULL PRIMARY KEY,
    alg TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    private_sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

CREATE TABLE course (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    source TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE stage (
    course_id TEXT NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (course_id, number)
);

CREATE TABLE lesson (
    course_id TEXT NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    stage INTEGER NOT NULL,
    position INTEGER NOT NULL,
    title TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    PRIMARY KEY (course_id, id)
);

CREATE TABLE block (
    course_id TEXT NOT NULL,
    lesson_id TEXT NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    heading TEXT NOT NULL,
    html TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (course_id, lesson_id, id),
    FOREIGN KEY (course_id, lesson_id) REFERENCES lesson (course_id, id) ON DELETE CASCADE
);

CREATE TABLE quiz_item (
    course_id TEXT NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    stage INTEGER NOT NULL,
    position INTEGER NOT NULL,
    lesson_id TEXT NOT NULL,
    section TEXT NOT NULL,
    prompt TEXT NOT NULL,
    options TEXT NOT NULL,
    answer INTEGER NOT NULL,
    forms TEXT NOT NULL,
    explanation TEXT NOT NULL,
    PRIMARY KEY (course_id, id)
);

CREATE TABLE enrolment (
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    course_id TEXT NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    unlocked_stage INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (user_id, course_id)
);

CREATE TABLE thread (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    course_id TEXT,
    lesson_id TEXT,
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    hint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX thread_owner ON thread (owner_id, updated_at, id);

CREATE TABLE turn (
    id TEXT NOT NULL PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    question_item TEXT NOT NULL,
    question TEXT NOT NULL,
    quote TEXT,
    page TEXT,
    message_seq BIGINT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    barren INTEGER NOT NULL,
    fence BIGINT NOT NULL,
    node TEXT,
    incarnation TEXT,
    cancel_requested BOOLEAN NOT NULL,
    hint_level INTEGER NOT NULL,
    answer_item TEXT,
    length BIGINT,
    sha256 TEXT,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    first_ms BIGINT,
    total_ms BIGINT,
    error_code TEXT,
    error_message TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    UNIQUE (user_id, message_id)
);
CREATE INDEX turn_thread ON turn (thread_id, created_at);
CREATE INDEX turn_status ON turn (status, created_at);

CREATE TABLE turn_chunk (
    turn_id TEXT NOT NULL REFERENCES turn (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (turn_id, seq)
);

CREATE TABLE item (
    id TEXT NOT NULL PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES thread (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    kind TEXT NOT NULL,
    turn_id TEXT,
    text TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (thread_id, position)
);

CREATE TABLE quota_use (
    turn_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX quota_use_user ON quota_use (user_id, used_at);


CREATE TABLE node (
    id TEXT NOT NULL PRIMARY KEY,
    incarnation TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

-- One row whose update orders the writers of the change log: a reader that has seen n has seen
-- everything before n, which a sequence does not promise.
CREATE TABLE change_counter (
    id INTEGER NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO change_counter (id, value) VALUES (1, 0);

CREATE TABLE change (
    seq BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    until BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    links TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
CREATE INDEX outbox_recipient ON outbox (recipient, created_at);

CREATE TABLE spent_nonce (
    nonce TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
