import { ActionIcon, Button, Group } from "@mantine/core";
import { type Icon, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useText } from "../i18n/index.ts";

interface Props {
  name: string;
  onEdit?: (() => void) | undefined;
  onDelete?: (() => void) | undefined;
  /** A button in words instead of the bin: "Revoke". */
  deleteLabel?: string | undefined;
  testId: string;
}

export function RowActions({ name, onEdit, onDelete, deleteLabel, testId }: Props) {
  const t = useText();
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      {onEdit && (
        <IconAction
          label={`${t("common.edit")}: ${name}`}
          icon={IconPencil}
          onClick={onEdit}
          testId={`${testId}-edit`}
        />
      )}
      {onDelete &&
        (deleteLabel ? (
          <Button
            size="compact-sm"
            variant="default"
            onClick={onDelete}
            aria-label={`${deleteLabel}: ${name}`}
            data-testid={`${testId}-delete`}
          >
            {deleteLabel}
          </Button>
        ) : (
          <IconAction
            label={`${t("common.delete")}: ${name}`}
            icon={IconTrash}
            onClick={onDelete}
            testId={`${testId}-delete`}
          />
        ))}
    </Group>
  );
}

/** Takes one line out of a form's list. */
export function RemoveLine({ onClick, size }: { onClick: () => void; size?: "lg" }) {
  const t = useText();
  return <IconAction label={t("common.remove")} icon={IconTrash} onClick={onClick} size={size} />;
}

/** Puts one more line into a form's list. */
export function AddLine(props: { label: string; onClick: () => void; disabled?: boolean; testId?: string }) {
  return (
    <div>
      <Button
        size="compact-sm"
        variant="subtle"
        disabled={props.disabled}
        leftSection={<IconPlus size={15} aria-hidden />}
        onClick={props.onClick}
        data-testid={props.testId}
      >
        {props.label}
      </Button>
    </div>
  );
}

interface IconActionProps {
  label: string;
  icon: Icon;
  onClick: () => void;
  disabled?: boolean | undefined;
  size?: "md" | "lg" | undefined;
  testId?: string;
}

/** A small button that is only a sign; its label is what screen readers say. */
export function IconAction({ label, icon: Sign, onClick, disabled, size = "md", testId }: IconActionProps) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={size}
      onClick={onClick}
      disabled={disabled}
      aria-label={label}
      data-testid={testId}
    >
      <Sign size={17} aria-hidden />
    </ActionIcon>
  );
}
