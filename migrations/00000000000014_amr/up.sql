-- By which methods the person behind a session proved to be herself (RFC 8176), with spaces between.
ALTER TABLE session ADD COLUMN amr TEXT NOT NULL DEFAULT '';
