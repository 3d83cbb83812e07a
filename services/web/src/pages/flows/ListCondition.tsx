import { Button, Menu, Text } from "@mantine/core";
import { IconListNumbers } from "@tabler/icons-react";
import { useText } from "../../i18n/index.ts";
import { withListTest } from "./conditions.ts";
import { useNumberLists } from "./useFlow.ts";

interface Props {
  condition: string | undefined;
  onChange: (condition: string) => void;
}

/** Writes into a condition whether the caller's number is in a list. */
export function ListCondition({ condition, onChange }: Props) {
  const t = useText();
  const lists = useNumberLists().data ?? [];
  const add = (key: string | undefined, inside: boolean) => {
    onChange(withListTest(condition ?? "", key ?? "", inside));
  };
  return (
    <Menu position="bottom-start" withinPortal>
      <Menu.Target>
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconListNumbers size={15} aria-hidden />}
          data-testid="condition-list"
        >
          {t("flowSteps.inList")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflowY: "auto" }}>
        {lists.length === 0 && (
          <Text size="sm" p="xs">
            {t("flowSteps.noLists")}
          </Text>
        )}
        {lists.length > 0 && <Menu.Label>{t("flowSteps.isInList")}</Menu.Label>}
        {lists.map((list) => (
          <Menu.Item
            key={list.numberListId}
            onClick={() => add(list.key, true)}
            data-testid={`in-${list.key}`}
          >
            <bdi>{list.displayName}</bdi>
          </Menu.Item>
        ))}
        {lists.length > 0 && <Menu.Label>{t("flowSteps.isNotInList")}</Menu.Label>}
        {lists.map((list) => (
          <Menu.Item
            key={list.numberListId}
            onClick={() => add(list.key, false)}
            data-testid={`not-in-${list.key}`}
          >
            <bdi>{list.displayName}</bdi>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
