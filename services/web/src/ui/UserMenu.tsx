import { ActionIcon, Menu, Text } from "@mantine/core";
import { IconAdjustments, IconLogout, IconUserCircle } from "@tabler/icons-react";
import { useState } from "react";
import { setState } from "../desktop/desktop.ts";
import { stationWanted } from "../desktop/stationMemory.ts";
import { SoundCheck } from "../desktop/ui/SoundCheck.tsx";
import { useText } from "../i18n/index.ts";
import { mayEnter } from "../session/roles.ts";
import { signOut, useSession } from "../session/session.ts";

export function UserMenu() {
  const t = useText();
  const session = useSession();
  const [checking, setChecking] = useState(false);
  if (session.status !== "signedIn") return null;
  const { user } = session;
  const leave = async () => {
    if (stationWanted()) await setState("AGENT_STATE_OFFLINE");
    await signOut();
  };
  return (
    <>
      <Menu position="bottom-end" width={250}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={t("user.menu")}
            data-testid="user-menu"
          >
            <IconUserCircle size={22} stroke={1.6} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <div style={{ padding: "8px 12px" }}>
            <Text fw={600} size="sm" data-testid="user-name">
              {user.displayName}
            </Text>
            <Text size="xs" c="dimmed">
              {user.email}
            </Text>
            <Text size="xs" c="dimmed">
              {user.role && user.role !== "ROLE_UNSPECIFIED" ? t(`role.${user.role}`) : ""}
            </Text>
          </div>
          {mayEnter(user.role, "desktop") && (
            <Menu.Item
              leftSection={<IconAdjustments size={16} aria-hidden />}
              onClick={() => setChecking(true)}
              data-testid="sound-check-open"
            >
              {t("user.sound")}
            </Menu.Item>
          )}
          <Menu.Item
            leftSection={<IconLogout size={16} aria-hidden />}
            onClick={() => void leave()}
            data-testid="sign-out"
          >
            {t("user.signOut")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <SoundCheck opened={checking} onClose={() => setChecking(false)} />
    </>
  );
}
