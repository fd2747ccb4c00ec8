use std::{
    collections::HashMap,
    io,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    task::JoinHandle,
};

use super::*;

const JSON: &str = "application/json";

/// Names and what they mean, one meaning a look; the last stays.
#[derive(Default)]
struct Names {
    known: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    looks: AtomicUsize,
}

impl Names {
    fn one(name: &str, meanings: &[&[&str]]) -> Arc<Self> {
        let parse = |meaning: &&[&str]| meaning.iter().map(|it| it.parse().unwrap()).collect();
        let meanings = meanings.iter().map(parse).collect();
        let known = Mutex::new(HashMap::from([(name.to_owned(), meanings)]));
        Arc::new(Self { known, looks: AtomicUsize::new(0) })
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let mut known = self.known.lock().unwrap();
        let found = known.get_mut(name.as_str()).map(|meanings| {
            if meanings.len() > 1 { meanings.remove(0) } else { meanings[0].clone() }
        });
        Box::pin(async move {
            let found = found.ok_or_else(|| io::Error::other("no such name"))?;
            let found: Addrs = Box::new(found.into_iter().map(|it| SocketAddr::new(it, 0)));
            Ok(found)
        })
    }
}

fn outward(allow_loopback: bool, names: &Arc<Names>) -> Outward {
    timed(allow_loopback, names, TIME)
}

fn timed(allow_loopback: bool, names: &Arc<Names>, time: Duration) -> Outward {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let names: Arc<dyn Resolve> = Arc::<Names>::clone(names);
    Outward::with(allow_loopback, names, time)
}

/// What a server does with each connection once it has read the request.
#[derive(Clone)]
enum Script {
    Answer(String),
    /// A body without end, as fast as it is taken.
    Endless,
    /// The beginning of an answer, and then nothing.
    Stuck(&'static str),
}

pub(in crate::auth) struct Server {
    port: u16,
    script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (script, requests) = (Arc::new(Mutex::new(script)), Arc::default());
        let (does, heard) = (Arc::clone(&script), Arc::clone(&requests));
        let task = Handle::current().spawn(serve(listener, does, heard));
        Self { port, script, requests, task }
    }

    /// One that answers with this body.
    pub(in crate::auth) async fn with(body: &str) -> Self {
        Self::start(Script::Answer(answer(200, body))).await
    }

    pub(in crate::auth) fn answers(&self, status: u16, body: &str) {
        *self.script.lock().unwrap() = Script::Answer(answer(status, body));
    }

    pub(in crate::auth) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(in crate::auth) fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} It\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>, heard: Arc<Mutex<Vec<String>>>) {
    let mut held = Vec::new();
    while let Ok((mut socket, _)) = listener.accept().await {
        let request = request(&mut socket).await;
        heard.lock().unwrap().push(request);
        let script = script.lock().unwrap().clone();
        match script {
            Script::Answer(text) => socket.write_all(text.as_bytes()).await.unwrap(),
            Script::Endless => {
                let gigabyte = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
                let mut sent = socket.write_all(gigabyte.as_bytes()).await;
                while sent.is_ok() {
                    sent = socket.write_all(&[b'x'; 4_096]).await;
                }
            }
            Script::Stuck(text) => {
                socket.write_all(text.as_bytes()).await.unwrap();
                held.push(socket);
            }
        }
    }
}

/// A request's head and as much of a body as it announces.
async fn request(socket: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut piece = [0; 4_096];
        let length = socket.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let announced = head.split("content-length: ").nth(1);
            let announced = announced.map_or(0, |it| it.lines().next().unwrap().parse().unwrap());
            if body.len() >= announced {
                return text;
            }
        }
        assert!(length > 0, "the request broke off: {text}");
    }
}

/// Attack D13: addresses in every way of writing them.
#[tokio::test]
async fn an_address_in_a_url_is_refused_unless_it_is_public() {
    let names = Arc::new(Names::default());
    for allow_loopback in [false, true] {
        let outward = outward(allow_loopback, &names);
        for host in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "0xa9.254.43518",
            "10.1",
            "%31%30.0.0.1",
            "１０.0.0.1",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
            "[2001:db8::1]",
            "[fc00::1]",
            "[fe80::1]",
            "[ff02::1]",
        ] {
            let refused = outward.get(&format!("https://{host}/jwks"), JSON).await.unwrap_err();
            assert!(matches!(refused, OutwardError::NotPublic(_)), "{host}: {refused}");
            let posted = outward.post_form(&format!("https://{host}/"), &[]).await.unwrap_err();
            assert!(matches!(posted, OutwardError::NotPublic(_)), "{host}: {posted}");
        }
    }
    let strict = outward(false, &names);
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]"] {
        let refused = strict.get(&format!("https://{host}/jwks"), JSON).await.unwrap_err();
        assert!(matches!(refused, OutwardError::NotPublic(_)), "{host}: {refused}");
    }
    assert_eq!(names.looks(), 0);
}

/// Attack D13: what is not https.
#[tokio::test]
async fn nothing_but_https_is_asked_and_no_password_is_sent() {
    let names = Names::one("client.example", &[&["8.8.8.8"]]);
    for allow_loopback in [false, true] {
        let outward = outward(allow_loopback, &names);
        for url in [
            "http://client.example/jwks",
            "http://8.8.8.8/jwks",
            "http://10.0.0.1/jwks",
            "http://localhost.evil.example/jwks",
            "http://127.0.0.1.evil.example/jwks",
            "https://ada:secret@client.example/jwks",
            "https://127.0.0.1@client.example/jwks",
            "ftp://client.example/jwks",
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_x",
            "data:application/json,{}",
            "//client.example/jwks",
            "client.example",
            "https://",
            "",
        ] {
            let refused = outward.get(url, JSON).await.unwrap_err();
            assert!(matches!(refused, OutwardError::Unsafe(_)), "{url}: {refused}");
        }
    }
    let here = outward(false, &names).get("http://127.0.0.1:1/jwks", JSON).await;
    assert!(matches!(here, Err(OutwardError::Unsafe(_))));
    assert_eq!(names.looks(), 0);
}

/// Attack D13: a name for what is inside.
#[tokio::test]
async fn a_name_that_leads_to_no_public_address_is_refused() {
    for addresses in [
        &["10.0.0.1"][..],
        &["127.0.0.1"],
        &["::1"],
        &["169.254.169.254"],
        &["::ffff:10.0.0.1"],
        &["64:ff9b::a00:1"],
        &["fd00::1", "192.168.0.1"],
        &[],
    ] {
        let names = Names::one("client.example", &[addresses]);
        let refused = outward(false, &names).get("https://client.example/jwks", JSON).await;
        let refused = refused.unwrap_err();
        assert!(matches!(refused, OutwardError::NotPublic(_)), "{addresses:?}: {refused}");
        assert!(!refused.to_string().contains("10."), "nothing is told of what is inside");
    }
    let names = Names::one("other.example", &[&["8.8.8.8"]]);
    let unknown = outward(false, &names).get("https://client.example/jwks", JSON).await;
    assert!(matches!(unknown, Err(OutwardError::Silent(_))));
}

/// Attack D13: of several addresses none but public ones are connected to.
#[tokio::test]
async fn what_a_name_means_besides_a_public_address_is_left_out() {
    let names = Names::one("client.example", &[&["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1"]]);
    for (loopback, expected) in [(false, 2), (true, 3)] {
        let reach = Reach { public: true, loopback };
        let guarded = Guarded { reach, names: Arc::<Names>::clone(&names) };
        let found = guarded.resolve("client.example".parse().unwrap()).await.unwrap();
        assert_eq!(found.count(), expected);
    }
}

/// Attack D13: a name that means something else when it is looked up again (DNS rebinding).
#[tokio::test]
async fn a_name_is_looked_up_once_and_what_was_checked_is_connected_to() {
    let server = Server::with("{}").await;
    let names = Names::one("localhost", &[&["127.0.0.1"], &["10.0.0.1"]]);
    let outward = outward(true, &names);
    let url = format!("http://localhost:{}/jwks", server.port);

    assert_eq!(outward.get(&url, JSON).await.unwrap(), "{}");
    assert_eq!((names.looks(), server.asked()), (1, 1));

    let rebound = outward.get(&url, JSON).await.unwrap_err();
    assert!(matches!(rebound, OutwardError::NotPublic(_)), "{rebound}");
    assert_eq!((names.looks(), server.asked()), (2, 1));
}

#[tokio::test]
async fn this_machine_is_asked_where_that_is_allowed() {
    let server = Server::with("{\"keys\":[]}").await;
    let names = Arc::new(Names::default());
    let outward = outward(true, &names);

    assert_eq!(outward.get(&server.url("/jwks?x#y"), JSON).await.unwrap(), "{\"keys\":[]}");

    let request = server.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("GET /jwks?x HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("accept: application/json\r\n"), "{request}");
    assert!(!request.contains("cookie") && !request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn a_form_is_posted_and_its_status_told() {
    let server = Server::with("").await;
    let outward = outward(true, &Arc::new(Names::default()));
    for status in [200, 204, 400, 302] {
        server.answers(status, "");
        let form = [("logout_token", "a.b.c"), ("x", "1 &=ä")];
        let told = outward.post_form(&server.url("/logout"), &form).await.unwrap();
        assert_eq!(told.as_u16(), status);
    }
    let request = server.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("POST /logout"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nlogout_token=a.b.c&x=1+%26%3D%C3%A4"), "{request}");
    assert_eq!(server.asked(), 4, "a redirect is not followed");
}

/// Attack D13: a public server that sends us inside.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = Server::with("secret").await;
    for status in [301, 302, 303, 307, 308] {
        let to = inside.url("/metadata");
        let redirect =
            format!("HTTP/1.1 {status} Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::start(Script::Answer(redirect)).await;
        let outward = outward(true, &Arc::new(Names::default()));
        let error = outward.get(&server.url("/jwks"), JSON).await.unwrap_err();
        assert!(matches!(error, OutwardError::Status { status: it, .. } if it == status));
        assert_eq!(server.asked(), 1);
    }
    assert_eq!(inside.asked(), 0);
}

/// Attack D13: a gigabyte.
#[tokio::test]
async fn a_body_is_read_up_to_64_kib() {
    let outward = outward(true, &Arc::new(Names::default()));
    let server = Server::start(Script::Endless).await;
    let error = outward.get(&server.url("/jwks"), JSON).await.unwrap_err();
    assert!(matches!(error, OutwardError::TooLong(_)), "{error}");

    let full = "x".repeat(MOST);
    let server = Server::with(&full).await;
    assert_eq!(outward.get(&server.url("/jwks"), JSON).await.unwrap().len(), MOST);
    server.answers(200, &format!("{full}x"));
    let error = outward.get(&server.url("/jwks"), JSON).await.unwrap_err();
    assert!(matches!(error, OutwardError::TooLong(_)), "{error}");
}

/// Attack D13: an answer that does not end, wherever it gets stuck.
#[tokio::test]
async fn whatever_is_slow_ends_in_time() {
    let names = Arc::new(Names::default());
    let beginnings = ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"];
    let ends = beginnings.map(async |beginning| {
        let server = Server::start(Script::Stuck(beginning)).await;
        let outward = timed(true, &names, Duration::from_secs(1));
        let error = outward.get(&server.url("/jwks"), JSON).await.unwrap_err();
        assert!(matches!(error, OutwardError::Late(_)), "{beginning:?}: {error}");
        assert_eq!(server.asked(), 1, "{beginning:?}");
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test]
async fn a_refusal_does_not_show_what_may_be_secret() {
    let outward = outward(true, &Arc::new(Names::default()));
    let server = Server::with("").await;
    server.answers(500, "");
    let error = outward.get(&server.url("/jwks?key=secret"), JSON).await.unwrap_err().to_string();
    assert!(error.contains("/jwks answers with status 500"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}
