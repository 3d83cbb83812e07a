import { ActionIcon, Tooltip } from "@mantine/core";
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

/** A button that is only a sign, named by what appears when it is pointed at. */
export function CanvasAction({ label, keys, icon: Sign, flips, disabled, onClick, testId }: Props) {
  return (
    <Tooltip
      label={
        keys ? (
          <>
            {label} <bdi>({keys})</bdi>
          </>
        ) : (
          label
        )
      }
    >
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        aria-keyshortcuts={keys?.replace("Ctrl", "Control")}
        disabled={disabled ?? false}
        onClick={onClick}
        data-testid={testId}
      >
        <Sign size={19} className={flips ? "m-flip" : undefined} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}
