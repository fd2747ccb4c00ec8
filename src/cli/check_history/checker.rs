//! Takes in the lines of all histories, one after the other, and judges each against what it
//! remembers. Lines of one client come in order; those of different clients need not.

use std::collections::HashMap;

use super::{
    copy::Copy,
    finding::{Findings, Spot},
    invariant::Invariant,
    line::{Closed, Ephemeral, Hello, Line, Request},
    logs::Logs,
    machines::Machines,
    names::{Name, Names},
    turns::{ClientId, Known, Revocation, Stay},
};

/// A close code that ends a right to read: `live.md` §2.5.
const KICKED: u16 = 4003;
const BANNED: u16 = 4005;
const REVOKED: u16 = 4103;
const GOING_AWAY: u16 = 4300;

/// A request that awaits its answer.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) kind: Kind,
    pub(super) message: Option<Name>,
    pub(super) thread: Option<Name>,
    pub(super) turn: Option<Name>,
    /// Length and hash of what it says.
    pub(super) text: Option<(i64, Box<str>)>,
    pub(super) spot: Spot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Send,
    Cancel,
    Open,
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) user: Option<Name>,
    /// The socket that has been welcomed.
    stay: Option<Stay>,
    /// It was sent away with a code that ends its right to read.
    shut: Option<(u16, Spot)>,
    /// It was told not to come back.
    refused: bool,
    /// It left in peace, and whether it was connected then.
    pub(super) left: Option<(Spot, bool)>,
    /// By number, of this connection.
    pub(super) sent: HashMap<u32, Sent>,
    pub(super) copy: Option<Copy>,
    /// Turns whose cancel was answered.
    pub(super) cancelled: HashMap<Name, Spot>,
    /// Turns that it asked for and has not seen end.
    pub(super) pending: Vec<Name>,
}

impl Client {
    /// It has asked for this thread anew. What still comes of it until the `ok` was sent before, of
    /// what this client has given up.
    pub(super) fn opens(&self, thread: Name) -> bool {
        self.sent.values().any(|sent| sent.kind == Kind::Open && sent.thread == Some(thread))
    }
}

impl Client {
    /// It left while it could have seen how its turns end.
    pub(super) fn would_have_seen(&self) -> Option<Spot> {
        self.left.filter(|(_, connected)| *connected && !self.refused).map(|(spot, _)| spot)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(super) names: Names,
    pub(super) findings: Findings,
    pub(super) clients: HashMap<ClientId, Client>,
    pub(super) known: Known,
    pub(super) logs: Logs,
    pub(super) machines: Machines,
    /// Lines in which a client itself found something wrong.
    pub(super) faults: u64,
}

impl Checker {
    pub(crate) fn new(kib_a_connection: u64) -> Self {
        Self { machines: Machines::new(kib_a_connection), ..Self::default() }
    }

    pub(crate) fn take(&mut self, spot: Spot, line: Line) {
        match line {
            Line::Event(event) => self.event(spot, &event),
            Line::End(end) => self.end(spot, &end),
            Line::Ephemeral(frame) => self.ephemeral(spot, &frame),
            Line::Snapshot(whole) => self.snapshot(spot, &whole),
            Line::Resumed(resumed) => self.resumed(spot, &resumed),
            Line::Ok(ok) => self.accepted(spot, &ok),
            Line::Error(error) => {
                error.id.and_then(|id| self.client(spot).sent.remove(&id));
            }
            Line::Request(request) => self.request(spot, &request),
            Line::Hello(hello) => self.hello(spot, &hello),
            Line::Connect => self.connect(spot),
            Line::Welcome(welcome) => {
                let user = self.names.of(welcome.user);
                let stay = Stay { file: spot.file, welcomed: spot, last: None };
                let client = self.client(spot);
                (client.user, client.stay) = (Some(user), Some(stay));
            }
            Line::Closed(closed) => self.closed(spot, &closed),
            Line::Left => {
                let connected = self.client(spot).stay.is_some();
                self.client(spot).left = Some((spot, connected));
                self.end_stay(spot);
            }
            Line::Fault => self.faults += 1,
            Line::Revoked(revoked) => {
                let user = self.names.of(revoked.user);
                self.revoke(user, Revocation { sign_in: None, spot });
            }
            Line::Server(sample) => self.machines.sample(spot, &sample, &mut self.findings),
            Line::Stopped => self.machines.stopped(spot),
            Line::ReadsOn => self.machines.reads_on(spot),
            Line::Run(_) | Line::Other => {}
        }
    }

    pub(super) fn client(&mut self, spot: Spot) -> &mut Client {
        self.clients.entry((spot.file, spot.client)).or_default()
    }

    fn connect(&mut self, spot: Spot) {
        self.end_stay(spot);
        let client = self.client(spot);
        client.sent.clear();
        client.shut = None;
    }

    fn hello(&mut self, spot: Spot, hello: &Hello) {
        let thread = self.names.any(hello.thread);
        let epoch = self.names.any(hello.epoch);
        let client = self.client(spot);
        let Some(thread) = thread else { return };
        if client.copy.as_ref().is_none_or(|copy| copy.thread != thread) {
            client.copy = Some(Copy::of(thread, spot));
        }
        if let Some(copy) = &mut client.copy {
            (copy.epoch, copy.seq, copy.asked) = (epoch, hello.seq, spot);
        }
    }

    fn request(&mut self, spot: Spot, request: &Request) {
        let thread = self.names.any(request.thread);
        let turn = self.names.any(request.turn);
        let message = self.names.any(request.message_id.as_deref());
        let kind = match request.r#type {
            "send" => Kind::Send,
            "cancel" => Kind::Cancel,
            "open" => Kind::Open,
            _ => Kind::Other,
        };
        let text = request.length.zip(request.sha256.map(Into::into));
        let client = self.client(spot);
        match (request.r#type, thread) {
            ("close", _) => client.copy = None,
            ("open", Some(thread)) => client.copy = Some(Copy::of(thread, spot)),
            _ => {}
        }
        client.sent.insert(request.id, Sent { kind, message, thread, turn, text, spot });
    }

    fn ephemeral(&mut self, spot: Spot, frame: &Ephemeral) {
        self.findings.check(Invariant::EPHEMERAL, frame.seq.is_none(), spot, || {
            format!("a `{}` frame, which is no part of a log, carries a seq", frame.r#type)
        });
    }

    fn closed(&mut self, spot: Spot, closed: &Closed) {
        let stay = self.end_stay(spot);
        let Some(code) = closed.code.filter(|_| closed.by == "server") else { return };
        let client = self.client(spot);
        client.refused = (4000..4100).contains(&code);
        let user = client.user;
        if matches!(code, KICKED | BANNED | REVOKED) {
            client.shut = Some((code, spot));
        }
        match (code, user) {
            (REVOKED, Some(user)) if stay.is_some() => {
                self.revoke(user, Revocation { sign_in: stay, spot });
            }
            (BANNED, Some(user)) => self.revoke(user, Revocation { sign_in: None, spot }),
            (GOING_AWAY, _) => self.drained(spot),
            _ => {}
        }
        if let Some(user) = user.filter(|_| (4100..4200).contains(&code)) {
            self.known.users.entry(user).or_default().renewals.push(spot);
        }
    }

    /// A draining server sends a reader away: what runs must end all the same.
    fn drained(&mut self, spot: Spot) {
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        let mut running = client.pending.clone();
        if let Some(copy) = &mut client.copy {
            copy.drained = copy.text.as_ref().map(|text| (text.turn, text.length));
            running.extend(copy.text.as_ref().map(|text| text.turn));
        }
        for turn in running {
            let turn = self.known.turns.entry(turn).or_default();
            if turn.drained.is_none_or(|known| spot.at < known.at) {
                turn.drained = Some(spot);
            }
        }
    }

    fn revoke(&mut self, user: Name, revocation: Revocation) {
        self.known.users.entry(user).or_default().revocations.push(revocation);
    }

    /// The socket that is closed now, if it had been welcomed.
    fn end_stay(&mut self, spot: Spot) -> Option<Stay> {
        let client = self.client(spot);
        let (stay, user) = (client.stay.take()?, client.user?);
        self.known.users.entry(user).or_default().stays.push(stay);
        Some(stay)
    }

    /// What is still open when the files end.
    pub(super) fn end_all_stays(&mut self) {
        for client in self.clients.values_mut() {
            if let (Some(stay), Some(user)) = (client.stay.take(), client.user) {
                self.known.users.entry(user).or_default().stays.push(stay);
            }
        }
    }

    /// An event of a log has reached this client.
    pub(super) fn received(&mut self, spot: Spot) {
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        if let Some(stay) = &mut client.stay {
            stay.last = Some(spot);
        }
        if let Some((code, closed)) = client.shut {
            self.findings.compare(Invariant::REVOKED, false, (spot, closed), || {
                format!("an event came on a connection that was closed with {code}")
            });
        }
    }
}
