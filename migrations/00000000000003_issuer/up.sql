-- Sign-ins that another issuer vouches for. The people are rows of "user", linked by "account"
-- (provider_id = the issuer, account_id = the subject there; updated_at = when the token was issued
-- whose claims were last taken over).

-- Tokens of a sign-in that were issued before closes_at begin no session (again): a session that
-- was ended here stays ended, and a logout counts for tokens that were never shown here.
CREATE TABLE foreign_sign_in (
    id TEXT NOT NULL PRIMARY KEY,
    closes_at BIGINT NOT NULL
);
CREATE INDEX foreign_sign_in_closes_at ON foreign_sign_in (closes_at);
