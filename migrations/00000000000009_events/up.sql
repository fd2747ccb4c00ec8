-- What else there is to say of an event of an account, as a JSON object; and what its filters need.
ALTER TABLE auth_event ADD COLUMN detail TEXT NOT NULL DEFAULT '{}';
CREATE INDEX auth_event_user ON auth_event (user_id, at, id);
CREATE INDEX auth_event_email ON auth_event (email, at, id);
CREATE INDEX auth_event_kind ON auth_event (kind, at, id);

-- The sign-in of the admin behind a session in which she acts as somebody else: it ends with it.
ALTER TABLE session ADD COLUMN parent_id TEXT REFERENCES session (id) ON DELETE CASCADE;
CREATE INDEX session_parent_id ON session (parent_id);
