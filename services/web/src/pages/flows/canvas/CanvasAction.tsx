import { ActionIcon } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";

interface Props {
  label: string;
  /** Keys that do the same. */
  keys?: string;
  icon: Icon;
  /** Its sign points along the line of writing. */
  flips?: boolean;
  disabled?: boolean;
  onClick: () => void;
  testId: string;
}

/**
 * A button that is only a sign, named by what the browser shows where it is pointed at: Mantine's own tooltip would
 * bring three kilobytes into the chunk that the agent's desktop waits for.
 */
export function CanvasAction({ label, keys, icon: Sign, flips, disabled, onClick, testId }: Props) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={label}
      aria-keyshortcuts={keys?.replace("Ctrl", "Control")}
      title={keys ? `${label} (${keys})` : label}
      disabled={disabled ?? false}
      onClick={onClick}
      data-testid={testId}
    >
      <Sign size={19} className={flips ? "m-flip" : undefined} aria-hidden />
    </ActionIcon>
  );
}
