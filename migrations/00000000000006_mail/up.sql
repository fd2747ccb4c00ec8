-- Mail that leaves: who delivers it, how often that was tried, and how it ended.
-- The same mail as HTML; `body` is its plain text.
ALTER TABLE outbox ADD COLUMN html TEXT NOT NULL DEFAULT '';
-- 'queued' (to be delivered), 'kept' (only shown), 'sent' or 'dead'.
ALTER TABLE outbox ADD COLUMN state TEXT NOT NULL DEFAULT 'queued';
-- Whether `body` is the whole content, sealed with the server's secret.
ALTER TABLE outbox ADD COLUMN sealed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
-- Nobody takes a queued mail before this; whoever takes it moves it behind the end of the try.
ALTER TABLE outbox ADD COLUMN next_try_at BIGINT NOT NULL DEFAULT 0;
-- Which try may say how it ended.
ALTER TABLE outbox ADD COLUMN claim TEXT;
ALTER TABLE outbox ADD COLUMN last_error TEXT;
-- Mail of earlier versions was only shown, and its links are long over.
UPDATE outbox SET state = 'kept';
CREATE INDEX outbox_state ON outbox (state, next_try_at);
