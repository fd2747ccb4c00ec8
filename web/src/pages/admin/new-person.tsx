import { useState } from "preact/hooks";
import { asRefused } from "../../components/ui";
import { admin } from "../../lib/admin";
import { ROLES } from "./people";
import { outcome } from "./acting";

const EMPTY = { name: "", email: "", password: "", role: "student", verified: true };

/** Makes an account. Without a password its person gets in by another provider alone. */
export function NewPerson({ done }: { done: () => void }) {
  const [open, setOpen] = useState(false);
  const [form, setForm] = useState(EMPTY);
  const [state, setState] = useState<{ busy: boolean; failed: string | null }>({ busy: false, failed: null });
  if (!open) return <button type="button" class="button button-small new-person-open" onClick={() => setOpen(true)}>New account</button>;
  const set = (change: Partial<typeof EMPTY>) => setForm({ ...form, ...change });
  const create = async (event: Event) => {
    event.preventDefault();
    setState({ busy: true, failed: null });
    const { name, email, password, role, verified } = form;
    try {
      await admin.create({ name, email, role, data: { emailVerified: verified }, ...(password && { password }) });
    } catch (error) {
      return setState({ busy: false, failed: asRefused(error).message });
    }
    setState({ busy: false, failed: null });
    setForm(EMPTY);
    setOpen(false);
    outcome.set({ words: `${name} has an account.`, audit: "" });
    done();
  };
  return (
    <form class="form new-person" aria-label="New account" onSubmit={(event) => void create(event)}>
      <label class="field"><span>Name</span><input required maxLength={200} value={form.name} onInput={(event) => set({ name: event.currentTarget.value })} /></label>
      <label class="field"><span>E-mail</span><input required type="email" value={form.email} onInput={(event) => set({ email: event.currentTarget.value })} /></label>
      <label class="field"><span>Password (empty: only another provider lets the person in)</span><input type="password" autocomplete="new-password" value={form.password} onInput={(event) => set({ password: event.currentTarget.value })} /></label>
      <label class="field">
        <span>Role</span>
        <select class="select" value={form.role} onChange={(event) => set({ role: event.currentTarget.value })}>
          {ROLES.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      </label>
      <label class="check"><input type="checkbox" checked={form.verified} onChange={(event) => set({ verified: event.currentTarget.checked })} /> The e-mail is known to be the person's own</label>
      {state.failed && <p class="form-error" role="alert">{state.failed}</p>}
      <div class="row">
        <button type="submit" class="button button-primary" disabled={state.busy}>Create the account</button>
        <button type="button" class="quiet-button" onClick={() => setOpen(false)}>Cancel</button>
      </div>
    </form>
  );
}
