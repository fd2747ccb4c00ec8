-- What the live protocol needs beyond asking: branches, hints, feedback, and what staff see and do.

-- How a turn came about: 'ask' and 'edit' have a question of their own; 'regenerate' and 'hint'
-- answer the newest one again, and begin behind message_seq without a message.
ALTER TABLE turn ADD COLUMN kind TEXT NOT NULL DEFAULT 'ask';
-- The item that an edit or a regeneration stands in for.
ALTER TABLE turn ADD COLUMN replaces TEXT;

-- Seq of the event at which an item left the conversation; NULL while it stands.
ALTER TABLE item ADD COLUMN until BIGINT;

-- What a running process tells about itself with each renewal of its lease, as JSON.
ALTER TABLE node ADD COLUMN stats TEXT NOT NULL DEFAULT '{}';

CREATE TABLE feedback (
    item_id TEXT NOT NULL PRIMARY KEY REFERENCES item (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE auth_event (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT,
    email TEXT,
    address TEXT,
    agent TEXT
);
CREATE INDEX auth_event_at ON auth_event (at, id);

CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_id TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);
