// A real SMTP server (npm's smtp-server) for tests: it tells what it took, a JSON line each, and does
// as it is told on standard input. It ends with it.
//
//   node scripts/smtp-server.mjs [--port N] [--tls KEY CERT [--from-the-start]] [--user NAME PASSWORD]
//
// What it is told, a JSON line each:
//   {"answers": [451, 550]}   to the next letters; then 250 again
//   {"hold": true}            takes letters and says nothing
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../web/package.json", import.meta.url));
const { SMTPServer } = require("smtp-server");

const args = process.argv.slice(2);
const option = (name, count = 1) => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.slice(at + 1, at + 1 + count);
};
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const tls = option("--tls", 2);
const user = option("--user", 2);
const wanted = { answers: [], hold: false };

const server = new SMTPServer({
  ...(tls && { key: readFileSync(tls[0]), cert: readFileSync(tls[1]) }),
  secure: args.includes("--from-the-start"),
  disabledCommands: [...(tls ? [] : ["STARTTLS"]), ...(user ? [] : ["AUTH"])],
  authOptional: !user,
  closeTimeout: 100,
  onAuth({ username, password }, _session, done) {
    if (username === user[0] && password === user[1]) return done(null, { user: username });
    done(Object.assign(new Error("Who are you?"), { responseCode: 535 }));
  },
  onData(stream, session, done) {
    const pieces = [];
    stream.on("data", (piece) => pieces.push(piece));
    stream.on("end", () => {
      const code = wanted.answers.shift();
      tell({
        code: code ?? 250,
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map((it) => it.address),
        secure: session.secure,
        user: session.user ?? null,
        raw: Buffer.concat(pieces).toString("latin1"),
      });
      if (wanted.hold) return;
      if (code) return done(Object.assign(new Error("As I was told"), { responseCode: code }));
      done();
    });
  },
});
// A client that hangs up, or that does not like the certificate.
server.on("error", () => {});
server.listen(Number(option("--port")?.[0] ?? 0), "127.0.0.1", () => tell({ port: server.server.address().port }));

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => {
  Object.assign(wanted, JSON.parse(line));
  tell({ heard: true });
});
orders.on("close", () => process.exit(0));
