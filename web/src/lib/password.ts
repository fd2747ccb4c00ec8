/** The classic policy: 12 characters or more, upper, lower, digit, special. The server decides. */
export interface Rule {
  label: string;
  met: boolean;
}

export function passwordRules(password: string, min = 12): Rule[] {
  return [
    { label: `${min} characters or more`, met: [...password].length >= min },
    { label: "a lower-case letter", met: /\p{Ll}/u.test(password) },
    { label: "an upper-case letter", met: /\p{Lu}/u.test(password) },
    { label: "a digit", met: /\p{Nd}/u.test(password) },
    { label: "a special character", met: /[^\p{L}\p{N}\s]/u.test(password) },
  ];
}

/** 0 to 4: rules met, and held down by repetition, so that `Aaaaaaaaaa1!` does not look strong. */
export function passwordStrength(password: string, min = 12): number {
  if (password === "") return 0;
  const rules = passwordRules(password, min);
  const met = rules.filter((rule) => rule.met).length;
  if (met < rules.length) return Math.max(1, met - 2);
  const distinct = new Set(password.toLowerCase()).size;
  if (distinct < 7) return 2;
  return [...password].length >= min + 4 && distinct >= 10 ? 4 : 3;
}

export const STRENGTH_WORDS = ["", "Too weak", "Weak", "Good", "Strong"] as const;
