import { ActionIcon, Group } from "@mantine/core";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { useText } from "../i18n/index.ts";

interface Props {
  name: string;
  onEdit?: () => void;
  onDelete?: () => void;
  testId: string;
}

export function RowActions({ name, onEdit, onDelete, testId }: Props) {
  const t = useText();
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      {onEdit && (
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={onEdit}
          aria-label={`${t("common.edit")}: ${name}`}
          data-testid={`${testId}-edit`}
        >
          <IconPencil size={17} aria-hidden />
        </ActionIcon>
      )}
      {onDelete && (
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={onDelete}
          aria-label={`${t("common.delete")}: ${name}`}
          data-testid={`${testId}-delete`}
        >
          <IconTrash size={17} aria-hidden />
        </ActionIcon>
      )}
    </Group>
  );
}
