// Signing in over HTTP, as a client without a browser does: the session's token is a Bearer token,
// and it buys the access token that opens the live socket.

import http from "k6/http";

const JSON_BODY = { "content-type": "application/json" };

/** A jar of its own: a cookie on a request would ask for an Origin, and these clients have a token. */
const jar = () => ({ jar: new http.CookieJar() });

export function signIn(url, account) {
  const body = JSON.stringify({ email: account.email, password: account.password });
  return http.post(`${url}/api/auth/sign-in/email`, body, {
    headers: JSON_BODY,
    tags: { name: "sign-in" },
    ...jar(),
  });
}

/** A request with the session's token in the header. */
export function asked(method, url, path, session) {
  const headers = { ...JSON_BODY, authorization: `Bearer ${session}` };
  const body = method === "POST" ? "{}" : null;
  return http.request(method, `${url}${path}`, body, { headers, tags: { name: path }, ...jar() });
}

/** Signs in and asks for one thing; `fail` is told what went wrong, and then there is none. */
function fetched(method, path, field, url, account, fail) {
  const signedIn = signIn(url, account);
  if (signedIn.status !== 200) {
    fail(`sign-in answered ${signedIn.status} ${signedIn.body}`);
    return null;
  }
  const answer = asked(method, url, path, signedIn.json("token"));
  if (answer.status !== 200) {
    fail(`${path} answered ${answer.status} ${answer.body}`);
    return null;
  }
  return answer.json(field);
}

/** For `hello.token`. It carries no rights of staff. */
export const accessToken = (url, account, fail) =>
  fetched("GET", "/api/auth/token", "token", url, account, fail);

/** For the second subprotocol, once and within half a minute; it stands for the sign-in itself. */
export const ticket = (url, account, fail) =>
  fetched("POST", "/api/v1/live/ticket", "ticket", url, account, fail);

/** The address of the live socket. */
export function liveUrl(url) {
  return `${url.replace(/^http/, "ws")}/api/v1/live`;
}
