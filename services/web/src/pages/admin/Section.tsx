import { Group } from "@mantine/core";
import { type ReactNode, useId } from "react";

/** A part of a long form under its own heading. */
export function Section({
  title,
  action,
  children,
}: {
  title: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <div
      role="group"
      aria-labelledby={id}
      style={{ borderBlockStart: "1px solid var(--m-line)", paddingBlockStart: 12 }}
    >
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <h3 id={id} style={{ fontSize: "1rem", margin: 0 }}>
          {title}
        </h3>
        {action}
      </Group>
      {children}
    </div>
  );
}
