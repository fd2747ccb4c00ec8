//! A Lua script, sent by its hash; in full where Redis does not have it yet.

use redis::{Cmd, Value};

use super::{Fault, Link};

pub(crate) struct Script {
    text: &'static str,
    sha1: String,
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        let sha1 = redis::Script::new(text).get_hash().to_owned();
        Self { text, sha1 }
    }

    /// `args` adds the arguments behind the keys.
    pub(crate) async fn run(
        &self,
        link: &Link,
        keys: &[String; 2],
        args: impl Fn(&mut Cmd),
    ) -> Result<Value, Fault> {
        let command = |name: &str, script: &str| {
            let mut command = Cmd::new();
            command.arg(name).arg(script).arg(keys.len()).arg(keys);
            args(&mut command);
            command
        };
        match link.call(command("EVALSHA", &self.sha1)).await {
            Err(Fault::Refused { code, .. }) if code == "NOSCRIPT" => {
                link.call(command("EVAL", self.text)).await
            }
            result => result,
        }
    }
}
