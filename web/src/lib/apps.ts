// Apps that people sign in to with their account here, as the staff manages them over HTTP.
import { call, query } from "./admin";

/** What the staff sees of an app: RFC 7591's names, and for admins what the operator chooses. */
export interface App {
  client_id: string;
  /** What people are told. */
  name: string;
  /** Id of whose it is; null for the school's and those that registered themselves. */
  owner: string | null;
  created_at: string;
  disabled: boolean;
  client_uri?: string;
  redirect_uris: string[];
  post_logout_redirect_uris?: string[];
  application_type: string;
  grant_types: string[];
  scope: string;
  token_endpoint_auth_method: string;
  verified?: boolean;
  skip_consent?: boolean;
  /** Only in the answer that made it. */
  client_secret?: string;
}

export interface AppEdit {
  client_name: string;
  client_uri: string | null;
  redirect_uris: string[];
  post_logout_redirect_uris: string[];
  scope: string;
  application_type?: string;
  token_endpoint_auth_method?: string;
  grant_types?: string[];
  verified?: boolean;
  skip_consent?: boolean;
}

const at = (id: string) => `/api/v1/admin/clients/${encodeURIComponent(id)}`;

export const apps = {
  list: (search: string, before?: string) => call<{ clients: App[]; next?: string }>("GET", `/api/v1/admin/clients?${query({ search, before })}`),
  create: (app: AppEdit) => call<App>("POST", "/api/v1/admin/clients", app),
  change: (id: string, change: Partial<AppEdit> | { disabled: boolean }) => call<App>("PATCH", at(id), change),
  rotate: (id: string) => call<App>("POST", `${at(id)}/secret`, {}),
  remove: (id: string) => call<void>("DELETE", at(id)),
};
