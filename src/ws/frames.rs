//! A client's frames (RFC 6455 §5), read byte by byte as they come, so that what is wrong is seen
//! at its first byte and nothing is kept that will be refused: a length beyond the limit ends the
//! connection before any of its payload, and text is checked inside fragments and code points.

use bytes::{Buf, Bytes};

use crate::domain::{close::Close, live::limits};

const FIN: u8 = 0b1000_0000;
const RESERVED: u8 = 0b0111_0000;
const OPCODE: u8 = 0b0000_1111;
const MASKED: u8 = 0b1000_0000;
const LENGTH: u8 = 0b0111_1111;
/// First byte, length, eight bytes of length, mask.
const LONGEST_HEAD: usize = 14;

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Fragments joined.
    Text(String),
    /// Its bytes are not kept: nothing here takes any.
    Binary,
    Ping(Vec<u8>),
    Pong,
    /// With the code that the client gave.
    Close(Option<u16>),
}

/// Why the connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Protocol(&'static str),
    NotText,
    TooLarge,
}

impl Fault {
    pub(super) const fn close(self) -> Close {
        match self {
            Self::Protocol(_) => Close::Protocol,
            Self::NotText => Close::NotText,
            Self::TooLarge => Close::TooLarge,
        }
    }

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Protocol(why) => why,
            Self::NotText => "not UTF-8",
            Self::TooLarge => "a message may hold 64 KiB",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The head of a frame whose payload is being read.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: Kind,
    last: bool,
    mask: u32,
    left: usize,
}

/// Bytes in, messages out. It keeps what has come of the frame and the message at hand.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    head: [u8; LONGEST_HEAD],
    in_head: usize,
    frame: Option<Frame>,
    /// Text or binary, of a message that has begun.
    began: Option<Kind>,
    message: Vec<u8>,
    /// Bytes of the message, of a binary one too, and how many of them are whole characters.
    size: usize,
    checked: usize,
    control: Vec<u8>,
}

impl Decoder {
    /// Takes from `input` until a message is whole. None: all of it is taken, and more must come.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Message>, Fault> {
        loop {
            let Some(mut frame) = self.frame else {
                if input.is_empty() {
                    return Ok(None);
                }
                self.read_head(input)?;
                continue;
            };
            let taken = frame.left.min(input.len());
            self.take(&mut frame, input.get(..taken).unwrap_or_default())?;
            input.advance(taken);
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(message) = self.finish(frame)? {
                return Ok(Some(message));
            }
        }
    }

    /// Takes one byte of a head, and the whole head with its last.
    fn read_head(&mut self, input: &mut Bytes) -> Result<(), Fault> {
        if let Some(place) = self.head.get_mut(self.in_head) {
            *place = input.get_u8();
            self.in_head += 1;
        }
        let [first, second, ..] = self.head;
        if self.in_head < 2 {
            return Ok(());
        }
        let (kind, last) = self.kind(first)?;
        if second & MASKED == 0 {
            return Err(Fault::Protocol("a client masks its frames"));
        }
        let (extended, mut length) = match second & LENGTH {
            126 => (2, 0),
            127 => (8, 0),
            short => (0, u64::from(short)),
        };
        if kind.is_control() && (extended > 0 || !last) {
            return Err(Fault::Protocol("a control frame is whole and at most 125 bytes"));
        }
        if self.in_head < 2 + extended {
            return Ok(());
        }
        for byte in self.head.iter().skip(2).take(extended) {
            length = length << 8 | u64::from(*byte);
        }
        if length >= 1 << 63 {
            return Err(Fault::Protocol("a length has 63 bits"));
        }
        let left = usize::try_from(length).unwrap_or(usize::MAX);
        if !kind.is_control() && left > limits::MESSAGE - self.size {
            return Err(Fault::TooLarge);
        }
        if self.in_head < 2 + extended + 4 {
            return Ok(());
        }
        let mask = self.head.iter().skip(2 + extended).take(4);
        let mask = mask.fold(0, |mask, byte| mask << 8 | u32::from(*byte));
        self.in_head = 0;
        self.frame = Some(Frame { kind, last, mask, left });
        Ok(())
    }

    /// What a frame's first byte says, if it may say so here.
    fn kind(&self, first: u8) -> Result<(Kind, bool), Fault> {
        if first & RESERVED != 0 {
            return Err(Fault::Protocol("a reserved bit is set"));
        }
        let kind = match first & OPCODE {
            0x0 => Kind::Continuation,
            0x1 => Kind::Text,
            0x2 => Kind::Binary,
            0x8 => Kind::Close,
            0x9 => Kind::Ping,
            0xA => Kind::Pong,
            _ => return Err(Fault::Protocol("an opcode without meaning")),
        };
        match (kind, self.began) {
            (Kind::Continuation, None) => Err(Fault::Protocol("nothing to continue")),
            (Kind::Text | Kind::Binary, Some(_)) => {
                Err(Fault::Protocol("the message before is unfinished"))
            }
            _ => Ok((kind, first & FIN != 0)),
        }
    }

    /// Takes bytes of a frame's payload.
    fn take(&mut self, frame: &mut Frame, masked: &[u8]) -> Result<(), Fault> {
        let mask = frame.mask.to_be_bytes();
        let plain = masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        frame.left -= masked.len();
        // The next byte of the payload meets the next byte of the mask.
        let turn = u32::try_from(masked.len() % 4).unwrap_or_default() * 8;
        frame.mask = frame.mask.rotate_left(turn);
        if frame.kind.is_control() {
            self.control.extend(plain);
            return Ok(());
        }
        let kind = match frame.kind {
            Kind::Continuation => self.began.unwrap_or(Kind::Binary),
            kind => *self.began.insert(kind),
        };
        self.size += masked.len();
        if kind == Kind::Text {
            self.message.extend(plain);
            self.check(frame.last && frame.left == 0)?;
        }
        Ok(())
    }

    /// Whether the text is UTF-8 so far; only at its end no character may be cut.
    fn check(&mut self, whole: bool) -> Result<(), Fault> {
        let rest = self.message.get(self.checked..).unwrap_or_default();
        match std::str::from_utf8(rest) {
            Ok(_) => self.checked = self.message.len(),
            Err(error) if whole || error.error_len().is_some() => return Err(Fault::NotText),
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }

    /// A frame is whole; perhaps a message is.
    fn finish(&mut self, frame: Frame) -> Result<Option<Message>, Fault> {
        match frame.kind {
            Kind::Ping => Ok(Some(Message::Ping(std::mem::take(&mut self.control)))),
            Kind::Pong => {
                self.control = Vec::new();
                Ok(Some(Message::Pong))
            }
            Kind::Close => close(&std::mem::take(&mut self.control)).map(Some),
            _ if !frame.last => Ok(None),
            _ => {
                (self.size, self.checked) = (0, 0);
                let message = std::mem::take(&mut self.message);
                match self.began.take() {
                    Some(Kind::Text) => {
                        let text = String::from_utf8(message).map_err(|_| Fault::NotText)?;
                        Ok(Some(Message::Text(text)))
                    }
                    _ => Ok(Some(Message::Binary)),
                }
            }
        }
    }
}

/// Reads a Close frame's payload: nothing, or a code and a reason (§5.5.1, §7.4).
fn close(payload: &[u8]) -> Result<Message, Fault> {
    match payload {
        [] => Ok(Message::Close(None)),
        [_] => Err(Fault::Protocol("a close code has two bytes")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Fault::Protocol("not a close code to send"));
            }
            if std::str::from_utf8(reason).is_err() {
                return Err(Fault::NotText);
            }
            Ok(Message::Close(Some(code)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASK: [u8; 4] = [0x12, 0xF3, 0x00, 0x9C];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..=125 => bytes.push(MASKED | u8::try_from(short).unwrap()),
            long => {
                bytes.push(MASKED | 127);
                bytes.extend(u64::try_from(long).unwrap().to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// Feeds the bytes in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> (Vec<Message>, Option<Fault>) {
        let (mut decoder, mut messages) = (Decoder::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            let mut input = Bytes::copy_from_slice(piece);
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(fault) => return (messages, Some(fault)),
                }
            }
        }
        (messages, None)
    }

    #[test]
    fn a_ping_may_come_between_the_fragments_of_a_message() {
        let mut bytes = frame(0x01, "Hel".as_bytes());
        bytes.extend(frame(0x89, b"?"));
        bytes.extend(frame(0x00, b"l"));
        bytes.extend(frame(0x80, b"o"));
        let expected = vec![Message::Ping(b"?".to_vec()), Message::Text("Hello".to_owned())];

        assert_eq!(read(&bytes, 1_000), (expected, None));
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_payload() {
        let within = frame(0x81, &vec![b'x'; limits::MESSAGE]);
        assert_eq!(read(&within, 1_000).1, None);
        let mut over = frame(0x01, b"x");
        over.extend(&within[..14]);
        over[7] = 0x80; // continues
        assert_eq!(read(&over, 1_000).1, Some(Fault::TooLarge));
        let endless = [0x81, MASKED | 127, 0x7F, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(read(&endless, 1_000).1, Some(Fault::TooLarge));
    }

    #[test]
    fn a_wrong_byte_of_text_is_refused_before_the_frame_is_whole() {
        let bytes = frame(0x81, b"\xF4\x90\x80\x80 and much more");
        assert_eq!(read(&bytes[..8], 1), (vec![], Some(Fault::NotText)));
        assert_eq!(read(&bytes[..7], 1), (vec![], None), "F4 alone may become a character");
    }

    proptest! {
        /// However a message is cut into fragments and these into pieces, it is the same message.
        #[test]
        fn a_message_survives_every_cut(text in ".{0,300}", cut in 1_usize..50, piece in 1_usize..50) {
            let parts: Vec<&[u8]> = text.as_bytes().chunks(cut).collect();
            let mut bytes = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                let opcode = u8::from(at == 0);
                let fin = if at + 1 == parts.len() { FIN } else { 0 };
                bytes.extend(frame(fin | opcode, part));
            }
            let expected = if parts.is_empty() { vec![] } else { vec![Message::Text(text.clone())] };
            prop_assert_eq!(read(&bytes, piece), (expected, None));
        }

        /// Whatever comes, reading ends: in messages, in a fault, or in waiting for more.
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..20) {
            let whole = read(&bytes, 1_000);
            prop_assert_eq!(read(&bytes, piece), whole, "the same, however it is cut");
        }
    }
}
