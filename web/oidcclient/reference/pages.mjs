// The peer's pages, with the ids and names that the contract gives ours.
const TEXT = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text) => String(text ?? "").replace(/[&<>"]/g, (sign) => TEXT[sign]);
const page = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head><body><h1>${escape(title)}</h1>${body}</body></html>`;
const HEADERS = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "content-security-policy": "frame-ancestors 'none'" };

function send(response, title, body) {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  response.end(page(title, body));
}

export const signIn = (response, action, email, fault) =>
  send(response, "Sign in", `${fault ? `<p id="fault" role="alert">${escape(fault)}</p>` : ""}<form method="post" action="${action}">
<input id="email" name="email" type="email" value="${escape(email)}"><input id="password" name="password" type="password"><button id="sign-in" type="submit">Sign in</button></form>`);

export const consent = (response, action, client, scope) =>
  send(response, `Let ${client} in?`, `<p>${escape(scope)}</p><form method="post" action="${action}">
<button id="accept" name="accept" value="yes">Accept</button><button id="decline" name="decline" value="yes">Decline</button></form>`);

export const failed = (response, code, why) => send(response, "This did not work", `<p id="error">${escape(code)}: ${escape(why)}</p>`);

function show(ctx, title, body) {
  ctx.set(HEADERS);
  ctx.body = page(title, body);
}

export const error = (ctx, code, why) => show(ctx, "This did not work", `<p id="error">${escape(code)}: ${escape(why)}</p>`);
export const logout = (ctx, form) =>
  show(ctx, "Sign out?", `${form}<button id="sign-out" form="op.logoutForm" name="logout" value="yes">Sign out</button><button id="stay" form="op.logoutForm">Stay</button>`);
export const signedOut = (ctx) => show(ctx, "Signed out", '<p id="signed-out">You are signed out.</p>');
export const deviceCode = (ctx, form, _out, fault) =>
  show(ctx, "Connect a device", `${fault ? `<p id="fault" role="alert">${escape(fault.message)}</p>` : ""}${form}<button id="continue" form="op.deviceInputForm">Continue</button>`);
export const deviceConfirm = (ctx, form, client, _device, code) =>
  show(ctx, "Connect this device?", `<p>${escape(client.clientName ?? client.clientId)} <code>${escape(code)}</code></p>${form}
<button id="accept" form="op.deviceConfirmForm" name="accept" value="yes">Accept</button><button id="decline" form="op.deviceConfirmForm" name="abort" value="yes">Decline</button>`);
export const deviceDone = (ctx) => show(ctx, "Connected", '<p id="done">You can close this page.</p>');
