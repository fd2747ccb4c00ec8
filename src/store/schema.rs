//! Table definitions that the queries are checked against (`diesel print-schema`; see diesel.toml).

mod oauth;

pub(crate) use oauth::*;

diesel::table! {
    user (id) {
        id -> Text,
        name -> Text,
        email -> Text,
        email_verified -> Bool,
        image -> Nullable<Text>,
        role -> Text,
        banned -> Bool,
        ban_reason -> Nullable<Text>,
        ban_expires -> Nullable<BigInt>,
        two_factor_enabled -> Bool,
        quota_limit -> Nullable<Integer>,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    session (id) {
        id -> Text,
        token_hash -> Text,
        user_id -> Text,
        expires_at -> BigInt,
        remember -> Bool,
        ip_address -> Text,
        user_agent -> Nullable<Text>,
        impersonated_by -> Nullable<Text>,
        proved_at -> BigInt,
        parent_id -> Nullable<Text>,
        client_id -> Nullable<Text>,
        browser_sid -> Nullable<Text>,
        granted -> Nullable<Text>,
        amr -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    guess (account) {
        account -> Text,
        failures -> Integer,
        checking -> Integer,
        failed_at -> BigInt,
        begun_at -> BigInt,
    }
}

diesel::table! {
    allowance (key) {
        key -> Text,
        full_at -> BigInt,
    }
}

diesel::table! {
    account (id) {
        id -> Text,
        account_id -> Text,
        provider_id -> Text,
        user_id -> Text,
        password -> Nullable<Text>,
        access_token -> Nullable<Text>,
        refresh_token -> Nullable<Text>,
        id_token -> Nullable<Text>,
        access_token_expires_at -> Nullable<BigInt>,
        refresh_token_expires_at -> Nullable<BigInt>,
        scope -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    verification (id) {
        id -> Text,
        identifier -> Text,
        value -> Text,
        expires_at -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    signing_key (kid) {
        kid -> Text,
        alg -> Text,
        public_jwk -> Text,
        private_sealed -> Text,
        created_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    course (id) {
        id -> Text,
        title -> Text,
        description -> Text,
        source -> Text,
        content_hash -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    stage (course_id, number) {
        course_id -> Text,
        number -> Integer,
        title -> Text,
    }
}

diesel::table! {
    lesson (course_id, id) {
        course_id -> Text,
        id -> Text,
        stage -> Integer,
        position -> Integer,
        title -> Text,
        content_hash -> Text,
    }
}

diesel::table! {
    block (course_id, lesson_id, id) {
        course_id -> Text,
        lesson_id -> Text,
        id -> Text,
        position -> Integer,
        kind -> Text,
        heading -> Text,
        html -> Text,
        body -> Text,
    }
}

diesel::table! {
    quiz_item (course_id, id) {
        course_id -> Text,
        id -> Text,
        stage -> Integer,
        position -> Integer,
        lesson_id -> Text,
        section -> Text,
        prompt -> Text,
        options -> Text,
        answer -> Integer,
        forms -> Text,
        explanation -> Text,
    }
}

diesel::table! {
    enrolment (user_id, course_id) {
        user_id -> Text,
        course_id -> Text,
        unlocked_stage -> Integer,
        started_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    thread (id) {
        id -> Text,
        owner_id -> Text,
        course_id -> Nullable<Text>,
        lesson_id -> Nullable<Text>,
        title -> Text,
        status -> Text,
        epoch -> Text,
        seq -> BigInt,
        fence -> BigInt,
        hint -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    turn (id) {
        id -> Text,
        thread_id -> Text,
        user_id -> Text,
        message_id -> Text,
        fingerprint -> Text,
        question_item -> Text,
        question -> Text,
        quote -> Nullable<Text>,
        page -> Nullable<Text>,
        message_seq -> BigInt,
        status -> Text,
        attempt -> Integer,
        barren -> Integer,
        fence -> BigInt,
        node -> Nullable<Text>,
        incarnation -> Nullable<Text>,
        cancel_requested -> Bool,
        hint_level -> Integer,
        answer_item -> Nullable<Text>,
        length -> Nullable<BigInt>,
        sha256 -> Nullable<Text>,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        first_ms -> Nullable<BigInt>,
        total_ms -> Nullable<BigInt>,
        error_code -> Nullable<Text>,
        error_message -> Nullable<Text>,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        kind -> Text,
        replaces -> Nullable<Text>,
        upstream -> Nullable<Text>,
    }
}

diesel::table! {
    turn_chunk (turn_id, seq) {
        turn_id -> Text,
        seq -> BigInt,
        fence -> BigInt,
        events -> Text,
    }
}

diesel::table! {
    item (id) {
        id -> Text,
        thread_id -> Text,
        position -> BigInt,
        kind -> Text,
        turn_id -> Nullable<Text>,
        text -> Text,
        body -> Text,
        created_at -> BigInt,
        until -> Nullable<BigInt>,
    }
}

diesel::table! {
    quota_use (turn_id) {
        turn_id -> Text,
        user_id -> Text,
        used_at -> BigInt,
    }
}

diesel::table! {
    node (id) {
        id -> Text,
        incarnation -> Text,
        lease_until -> BigInt,
        started_at -> BigInt,
        stats -> Text,
    }
}

diesel::table! {
    change_counter (id) {
        id -> Integer,
        value -> BigInt,
    }
}

diesel::table! {
    change (seq) {
        seq -> BigInt,
        kind -> Text,
        subject -> Text,
        until -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        kind -> Text,
        recipient -> Text,
        subject -> Text,
        body -> Text,
        links -> Text,
        created_at -> BigInt,
        sent_at -> Nullable<BigInt>,
        html -> Text,
        state -> Text,
        sealed -> Bool,
        tries -> Integer,
        next_try_at -> BigInt,
        claim -> Nullable<Text>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    feedback (item_id) {
        item_id -> Text,
        user_id -> Text,
        kind -> Text,
        reason -> Nullable<Text>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    auth_event (id) {
        id -> Text,
        at -> BigInt,
        kind -> Text,
        user_id -> Nullable<Text>,
        email -> Nullable<Text>,
        address -> Nullable<Text>,
        agent -> Nullable<Text>,
        detail -> Text,
    }
}

diesel::table! {
    audit (id) {
        id -> Text,
        at -> BigInt,
        actor_id -> Text,
        action -> Text,
        target -> Text,
        detail -> Text,
    }
}

diesel::table! {
    foreign_sign_in (id) {
        id -> Text,
        closes_at -> BigInt,
    }
}

diesel::table! {
    spent_nonce (nonce) {
        nonce -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    two_factor (user_id) {
        user_id -> Text,
        secret_sealed -> Text,
        verified -> Bool,
        last_step -> BigInt,
        failures -> Integer,
        locked_until -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        by_mail -> Bool,
    }
}

diesel::table! {
    mailed_code (name) {
        name -> Text,
        user_id -> Text,
        code_hash -> Text,
        tries -> Integer,
        expires_at -> BigInt,
    }
}

diesel::table! {
    recovery_code (user_id, code_hash) {
        user_id -> Text,
        code_hash -> Text,
    }
}

diesel::table! {
    two_factor_challenge (token_hash) {
        token_hash -> Text,
        user_id -> Text,
        remember -> Bool,
        tries -> Integer,
        expires_at -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    trusted_device (token_hash) {
        token_hash -> Text,
        user_id -> Text,
        expires_at -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    passkey (id) {
        id -> Text,
        user_id -> Text,
        name -> Nullable<Text>,
        credential_id -> Text,
        credential -> Text,
        counter -> BigInt,
        transports -> Nullable<Text>,
        backed_up -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::joinable!(account -> user (user_id));
diesel::joinable!(enrolment -> course (course_id));
diesel::joinable!(enrolment -> user (user_id));
diesel::joinable!(feedback -> item (item_id));
diesel::joinable!(item -> thread (thread_id));
diesel::joinable!(lesson -> course (course_id));
diesel::joinable!(passkey -> user (user_id));
diesel::joinable!(quiz_item -> course (course_id));
diesel::joinable!(session -> user (user_id));
diesel::joinable!(stage -> course (course_id));
diesel::joinable!(thread -> user (owner_id));
diesel::joinable!(turn -> thread (thread_id));
diesel::joinable!(turn_chunk -> turn (turn_id));

diesel::allow_tables_to_appear_in_same_query!(
    account,
    allowance,
    audit,
    auth_event,
    block,
    change,
    change_counter,
    course,
    enrolment,
    feedback,
    foreign_sign_in,
    guess,
    item,
    lesson,
    mailed_code,
    node,
    oauth_client,
    oauth_consent,
    oauth_device,
    oauth_ended_grant,
    oauth_logout,
    oauth_refresh,
    oauth_request,
    outbox,
    passkey,
    quiz_item,
    quota_use,
    recovery_code,
    session,
    signing_key,
    spent_nonce,
    stage,
    thread,
    trusted_device,
    turn,
    turn_chunk,
    two_factor,
    two_factor_challenge,
    user,
    verification,
);
