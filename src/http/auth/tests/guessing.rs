//! Who guesses at passwords, and what else is thrown at the door.

use super::*;

/// Attack A5: the sixth wrong password, and then the right one.
#[actix_web::test]
async fn a_locked_account_refuses_the_right_password_and_an_unknown_one_locks_alike() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    for email in ["ada@school.example", "nobody@school.example"] {
        for _ in 0..5 {
            assert_eq!(bench.sign_in(email, "Wrong-Lamp-7 road").await.status, 401);
        }
        let locked = bench.sign_in(email, PASSWORD).await;
        assert_eq!((locked.status, locked.code().as_str()), (429, "ACCOUNT_LOCKED"));
        assert_eq!(locked.header("retry-after"), Some("1800"));
    }
    let me = bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;
    assert!(me.json()["user"].is_object(), "a live session goes on");

    bench.clock.advance(1_800_000);
    assert_eq!(bench.sign_in("ada@school.example", PASSWORD).await.status, 200);
}

/// Attack A8: fifty wrong passwords at once, over two nodes.
#[actix_web::test]
async fn of_fifty_guesses_at_once_at_most_five_are_compared() {
    let first = Bench::with(PAGE, |settings| settings.failures_per_minute = 1_000).await;
    let second = first.second_node(|settings| settings.failures_per_minute = 1_000).await;
    first.sign_up("ada@school.example").await;

    let guess = |number| {
        let node = if number % 2 == 0 { &first } else { &second };
        node.sign_in("ada@school.example", "Wrong-Lamp-7 road")
    };
    let answers = futures_util::future::join_all((0..50).map(guess)).await;

    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(401), count(429)), (5, 45));
    assert_eq!(first.auth.password_checks() + second.auth.password_checks(), 5);
}

/// Attack A5: a restart, or another node, forgets nothing.
#[actix_web::test]
async fn a_lock_outlives_the_process() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    for _ in 0..5 {
        bench.sign_in("ada@school.example", "Wrong-Lamp-7 road").await;
    }

    let after = bench.second_node(|_| ()).await;

    let locked = after.sign_in("ada@school.example", PASSWORD).await;
    assert_eq!((locked.status, locked.code().as_str()), (429, "ACCOUNT_LOCKED"));
}

/// Attack A6: an attacker keeps the owner locked out.
#[actix_web::test]
async fn the_owner_of_a_locked_account_gets_in_on_a_device_that_she_has_used() {
    let bench = Bench::new().await;
    let known = bench.sign_up("ada@school.example").await.known_device();
    let stranger = bench.sign_up("eve@school.example").await.known_device();
    for _ in 0..5 {
        bench.sign_in("ada@school.example", "Wrong-Lamp-7 road").await;
    }
    let from = async |device: &str, password: &str| {
        let body = json!({"email": "ada@school.example", "password": password});
        let call = bench.post("/api/auth/sign-in/email", &body);
        call.by_page(device).send().await.status
    };

    assert_eq!(from(&stranger, PASSWORD).await, 429);
    assert_eq!(from(&known.replace("kd1", "kd2"), PASSWORD).await, 429);
    assert_eq!(from(&known, PASSWORD).await, 200);
    // A stolen device has a budget too, and its own.
    for _ in 0..5 {
        assert_eq!(from(&known, "Wrong-Lamp-7 road").await, 401);
    }
    assert_eq!(from(&known, PASSWORD).await, 429);

    bench.auth.unlock("ada@school.example").await.unwrap();
    assert_eq!(bench.sign_in("ada@school.example", PASSWORD).await.status, 200);
    assert_eq!(from(&known, PASSWORD).await, 429, "the device is not the account");
}

#[actix_web::test]
async fn a_device_is_not_known_to_whom_does_not_want_to_be_remembered() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let body = json!({"email": "ada@school.example", "password": PASSWORD, "rememberMe": false});

    let answer = bench.post("/api/auth/sign-in/email", &body).send().await;

    let cookies = answer.cookies();
    assert!(cookies.iter().all(|cookie| !cookie.contains("known_device")), "{cookies:?}");
}

/// Attack A4: what is said of accounts that do not exist: nothing that differs.
#[actix_web::test]
async fn an_unknown_address_is_limited_and_answered_as_a_known_one() {
    let bench = Bench::with(PAGE, |settings| settings.sign_ups_per_minute = 100).await;
    bench.sign_up("ada@school.example").await;
    let mut seen = Vec::new();
    for email in ["ada@school.example", "nobody@school.example"] {
        let mut answers = Vec::new();
        for _ in 0..7 {
            let answer = bench.sign_in(email, "Wrong-Lamp-7 road").await;
            answers.push((answer.status, answer.text));
        }
        for path in ["request-password-reset", "send-verification-email"] {
            for _ in 0..3 {
                let body = json!({ "email": email });
                let answer = bench.post(&format!("/api/auth/{path}"), &body).send().await;
                answers.push((answer.status, answer.text));
            }
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    let limited = seen[0].iter().filter(|(status, _)| *status == 429).count();
    assert_eq!(limited, 2 + 3, "two are locked out, three of six mails are too many");
}

/// Attack A7: one customer's many addresses, and one address in another's clothes.
#[actix_web::test]
async fn an_ipv6_network_is_one_address_and_v4_in_v6_is_v4() {
    for peers in [
        ["[2001:db8::1]:1", "[2001:db8::ffff]:2", "[2001:DB8:0:0:1234::9]:3"],
        ["192.0.2.1:1", "[::ffff:192.0.2.1]:2", "[::FFFF:c000:201]:3"],
    ] {
        let bench = Bench::with(PAGE, |settings| settings.failures_per_minute = 2).await;
        let mut statuses = Vec::new();
        for (number, peer) in peers.iter().enumerate() {
            let email = format!("pupil{number}@school.example");
            let body = json!({"email": email, "password": "Wrong-Lamp-7 road"});
            let mut call = bench.post("/api/auth/sign-in/email", &body);
            call.request = call.request.peer_addr(peer.parse().unwrap());
            statuses.push(call.send().await.status);
        }
        assert_eq!(statuses, [401, 401, 429], "{peers:?}");
    }
}

/// Attack A9: a header that makes one attacker many.
#[actix_web::test]
async fn a_forwarded_address_counts_from_a_trusted_proxy_alone_and_its_last_entry() {
    for (trusted, forwarded, expected) in [
        (false, ["198.51.100.1", "198.51.100.2"], 429),
        (true, ["198.51.100.1", "198.51.100.2"], 401),
        (true, ["6.6.6.6, 198.51.100.1", "7.7.7.7, 198.51.100.1"], 429),
    ] {
        let bench = Bench::with(PAGE, |settings| {
            settings.failures_per_minute = 1;
            settings.trusted_proxies =
                if trusted { vec!["192.0.2.7".parse().unwrap()] } else { vec![] };
        })
        .await;
        let mut last = 0;
        for (number, forwarded) in forwarded.iter().enumerate() {
            let email = format!("pupil{number}@school.example");
            let body = json!({"email": email, "password": "Wrong-Lamp-7 road"});
            let call = bench.post("/api/auth/sign-in/email", &body);
            last = call.with("x-forwarded-for", forwarded).send().await.status;
        }
        assert_eq!(last, expected, "{trusted} {forwarded:?}");
    }
}

/// Attack A10: other spellings of a limited path.
#[actix_web::test]
async fn another_spelling_of_a_path_is_no_way_around_its_limits() {
    let bench = Bench::new().await;
    let body = json!({"email": "ada@school.example", "password": "Wrong-Lamp-7 road"});
    for path in [
        "//api/auth/sign-in/email",
        "/api//auth/sign-in/email",
        "/api/auth/./sign-in/email",
        "/api/auth/sign-in%2femail",
        "/api/auth/sign-in/email/",
        "/api/auth/Sign-In/email",
        "/API/auth/sign-in/email",
        "/api/auth/x/../sign-in/email",
    ] {
        let answer = bench.post(path, &body).send().await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(bench.auth.password_checks(), 0);
}

/// Attack A13: more sign-ins than can be hashed.
#[actix_web::test]
async fn a_flood_of_sign_ins_is_told_to_come_back_and_slows_nothing_else() {
    let bench = Bench::with(PAGE, |settings| {
        settings.hash_queue = 2;
        settings.failures_per_minute = 1_000;
    })
    .await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let emails: Vec<_> = (0..60).map(|number| format!("pupil{number}@school.example")).collect();
    let flood = emails.iter().map(|email| bench.sign_in(email, "Wrong-Lamp-7 road"));
    let others = async {
        for _ in 0..5 {
            let me = bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;
            assert_eq!(me.status, 200);
        }
    };

    let (answers, ()) = tokio::join!(futures_util::future::join_all(flood), others);

    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    let wrong = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(busy.len() + wrong, 60);
    assert!(!busy.is_empty() && wrong > 0, "{} {wrong}", busy.len());
    assert!(busy.iter().all(|answer| answer.header("retry-after") == Some("1")));
    assert_eq!(bench.sign_in("ada@school.example", PASSWORD).await.status, 200);
}

/// Attack A22: what stands in a field is a value and nothing else.
#[actix_web::test]
async fn quotes_wildcards_and_zero_bytes_in_a_field_are_refused_or_mean_themselves() {
    let bench = Bench::with(PAGE, |settings| settings.sign_ups_per_minute = 100).await;
    bench.sign_up("ada@school.example").await;
    for odd in ["' OR 1=1--", "\u{0}", "%_", "\"}; DROP TABLE user", "$1", "\u{202e}", "{{7*7}}"] {
        let email = format!("{odd}@school.example");
        for (path, body) in [
            ("sign-in/email", json!({"email": odd, "password": odd})),
            ("sign-in/email", json!({"email": email, "password": odd})),
            ("sign-up/email", json!({"email": email, "password": odd, "name": odd})),
            ("sign-up/email", json!({"email": "a@b.example", "password": odd, "name": odd})),
            ("request-password-reset", json!({ "email": email })),
        ] {
            let answer = bench.post(&format!("/api/auth/{path}"), &body).send().await;
            assert!((400..500).contains(&answer.status), "{path} {body}: {}", answer.status);
        }
    }
    let users = bench.store.count_users().await.unwrap();
    assert_eq!(users, 1);
}

/// Attacks A11 and E6: nothing of a password is kept or told, however long it is.
#[actix_web::test]
async fn a_long_password_is_refused_before_it_is_hashed() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    for (length, status, code) in [
        (1_025, 400, "PASSWORD_TOO_LONG"),
        (60_000, 400, "PASSWORD_TOO_LONG"),
        (1_000_000, 413, "PAYLOAD_TOO_LARGE"),
    ] {
        let answer = bench.sign_in("ada@school.example", &"x".repeat(length)).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{length}");
        assert!(!answer.text.contains("xxx"));
    }
    assert_eq!(bench.auth.password_checks(), 0);
}

/// Attack A12, and accounts that came from Better-Auth or another program.
#[actix_web::test]
async fn an_imported_account_signs_in_and_its_hash_becomes_one_of_ours() {
    let bench = Bench::new().await;
    let long = "x".repeat(72);
    for (name, hash, password) in [
        ("ada", crate::auth::BY_BETTER_AUTH, PASSWORD),
        ("bob", crate::auth::BY_BCRYPT, &*format!("{long}behind the cut")),
    ] {
        let (user, email) = (UserId::new(name), format!("{name}@school.example"));
        let mut login = login(name);
        login.password = Some(hash.to_owned());
        bench.store.insert_user(person(name, Role::Student), login, None).await.unwrap();

        assert_eq!(bench.sign_in(&email, "Wrong-Lamp-7 road").await.status, 401, "{name}");
        assert_eq!(bench.sign_in(&email, password).await.status, 200, "{name}");

        let stored = bench.store.login_by_email(&email).await.unwrap().unwrap();
        assert_eq!(stored.0.id, user);
        assert!(stored.1.unwrap().starts_with("$argon2id$"));
        assert_eq!(bench.sign_in(&email, password).await.status, 200, "{name}");
    }
    let cut = bench.sign_in("bob@school.example", &format!("{long}something else")).await;
    assert_eq!(cut.status, 401, "what is behind byte 72 counts now");
}

/// Attack A7: one try each on many accounts, from addresses of one network.
#[actix_web::test]
async fn an_address_that_only_fails_is_stopped() {
    let bench = Bench::with(PAGE, |settings| settings.failures_per_minute = 3).await;
    bench.sign_up("ada@school.example").await;
    for number in 0..3 {
        let email = format!("pupil{number}@school.example");
        assert_eq!(bench.sign_in(&email, "Wrong-Lamp-7 road").await.status, 401);
    }

    let body = json!({"email": "ada@school.example", "password": PASSWORD});
    let forged = bench
        .post("/api/auth/sign-in/email", &body)
        .with("x-forwarded-for", "198.51.100.99")
        .send()
        .await;

    assert_eq!((forged.status, forged.code().as_str()), (429, "TOO_MANY_REQUESTS"));
}
