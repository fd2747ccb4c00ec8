//! The tables of the OpenID Provider.

diesel::table! {
    oauth_client (id) {
        id -> Text,
        name -> Text,
        secret_hash -> Nullable<Text>,
        registration_hash -> Nullable<Text>,
        owner_id -> Nullable<Text>,
        disabled -> Bool,
        metadata -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        unused_since -> Nullable<BigInt>,
    }
}

diesel::table! {
    oauth_refresh (hash) {
        hash -> Text,
        session_id -> Text,
        expires_at -> BigInt,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
        replay -> Nullable<Text>,
        replay_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    oauth_ended_grant (session_id) {
        session_id -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    oauth_consent (client_id, user_id) {
        client_id -> Text,
        user_id -> Text,
        id -> Text,
        scope -> Text,
        detail -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    oauth_request (hash) {
        hash -> Text,
        client_id -> Text,
        pushed -> Bool,
        params -> Text,
        jkt -> Nullable<Text>,
        expires_at -> BigInt,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    oauth_device (hash) {
        hash -> Text,
        user_code -> Text,
        client_id -> Text,
        scope -> Text,
        detail -> Text,
        address -> Text,
        agent -> Nullable<Text>,
        status -> Text,
        user_id -> Nullable<Text>,
        browser_sid -> Nullable<Text>,
        granted -> Nullable<Text>,
        polled_at -> BigInt,
        interval_ms -> BigInt,
        expires_at -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    oauth_logout (id) {
        id -> Text,
        client_id -> Text,
        subject -> Text,
        browser_sid -> Nullable<Text>,
        tries -> Integer,
        due_at -> BigInt,
        created_at -> BigInt,
    }
}
