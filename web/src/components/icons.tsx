import type { ComponentChildren } from "preact";

function Icon({ children, size = 18 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false"
    >
      {children}
    </svg>
  );
}

export const CloseIcon = () => <Icon><path d="M6 6l12 12M18 6L6 18" /></Icon>;
export const SendIcon = () => <Icon><path d="M12 19V5M6 11l6-6 6 6" /></Icon>;
export const StopIcon = () => <Icon><rect x="7" y="7" width="10" height="10" rx="1.5" fill="currentColor" stroke="none" /></Icon>;
export const AskIcon = () => <Icon size={16}><path d="M5 18.5V6.8A1.8 1.8 0 0 1 6.8 5h10.4A1.8 1.8 0 0 1 19 6.8v7.4a1.8 1.8 0 0 1-1.8 1.8H8.5z" /><path d="M9.5 9.2h5M9.5 12h3" /></Icon>;
export const ListIcon = () => <Icon><path d="M5 7h14M5 12h14M5 17h9" /></Icon>;
export const PlusIcon = () => <Icon><path d="M12 5v14M5 12h14" /></Icon>;
export const PencilIcon = () => <Icon size={16}><path d="M5 19l.9-3.6L15.7 5.6a1.6 1.6 0 0 1 2.3 0l.4.4a1.6 1.6 0 0 1 0 2.3L8.6 18.1z" /></Icon>;
export const TrashIcon = () => <Icon size={16}><path d="M5 7h14M10 7V5h4v2M7 7l.8 12h8.4L17 7" /></Icon>;
export const CopyIcon = () => <Icon size={16}><rect x="9" y="9" width="10" height="10" rx="2" /><path d="M15 9V6.5A1.5 1.5 0 0 0 13.5 5h-7A1.5 1.5 0 0 0 5 6.5v7A1.5 1.5 0 0 0 6.5 15H9" /></Icon>;
export const CheckIcon = () => <Icon size={16}><path d="M5 12.5l4.5 4.5L19 7.5" /></Icon>;
export const RetryIcon = () => <Icon size={16}><path d="M19 12a7 7 0 1 1-2.1-5M19 4v4h-4" /></Icon>;
export const ThumbUpIcon = () => <Icon size={16}><path d="M5 11h3v8H5zM8 11l3.5-6.5c1.4 0 2.2 1 1.9 2.4L13 9.5h4.3a1.7 1.7 0 0 1 1.7 2l-1 6a1.8 1.8 0 0 1-1.8 1.5H8" /></Icon>;
export const ThumbDownIcon = () => <Icon size={16}><path d="M5 13h3V5H5zM8 13l3.5 6.5c1.4 0 2.2-1 1.9-2.4L13 14.5h4.3a1.7 1.7 0 0 0 1.7-2l-1-6A1.8 1.8 0 0 0 16.2 5H8" /></Icon>;
export const SunIcon = () => <Icon><circle cx="12" cy="12" r="3.6" /><path d="M12 4v1.5M12 18.5V20M4 12h1.5M18.5 12H20M6.3 6.3l1.1 1.1M16.6 16.6l1.1 1.1M6.3 17.7l1.1-1.1M16.6 7.4l1.1-1.1" /></Icon>;
export const MoonIcon = () => <Icon><path d="M19 14.2A7.5 7.5 0 0 1 9.8 5a7.5 7.5 0 1 0 9.2 9.2z" /></Icon>;
export const AutoIcon = () => <Icon><circle cx="12" cy="12" r="7.5" /><path d="M12 4.5a7.5 7.5 0 0 1 0 15z" fill="currentColor" stroke="none" /></Icon>;
export const ArrowIcon = () => <Icon size={16}><path d="M5 12h14M13 6l6 6-6 6" /></Icon>;
export const LockIcon = () => <Icon size={16}><rect x="6" y="11" width="12" height="8" rx="2" /><path d="M9 11V8.5a3 3 0 0 1 6 0V11" /></Icon>;
export const MailIcon = () => <Icon size={28}><rect x="4" y="6" width="16" height="12" rx="2" /><path d="M4.5 7.5L12 13l7.5-5.5" /></Icon>;

/** The mark: five stages, stacked; `filled` of them are open. */
export function StackMark({ filled = 3, total = 3, size = 28 }: { filled?: number; total?: number; size?: number }) {
  const step = 20 / total;
  return (
    <svg class="stack-mark" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {Array.from({ length: total }, (_, index) => (
        <rect
          key={index} x="2" y={22 - step * (index + 1) + step * 0.2} width={20 - (index * 12) / total} height={step * 0.62} rx="1.4"
          class={index < filled ? (index === filled - 1 ? "stack-top" : "stack-on") : "stack-off"}
        />
      ))}
    </svg>
  );
}
