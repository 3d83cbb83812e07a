import { Button, Menu } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { Suspense, useEffect } from "react";
import { arrowOf, textOr, useLanguage } from "../../i18n/index.ts";
import { useStore } from "../../store.ts";
import { lazyPage } from "../../ui/lazyPage.ts";
import { useDesktop } from "../desktop.ts";
import { reasons, reasonText } from "../reasons.ts";
import { StateDot } from "./StateDot.tsx";
import { pendingState, StateText, shortState } from "./StateText.tsx";

/** Fetched once the frame stands: before anybody can open the menu. */
const load = () => import("./StateChoices.tsx");
const StateChoices = lazyPage(load);

/** Shows the agent's state, with the one that comes after the contact, and sets the next one. */
export function StateMenu() {
  const language = useLanguage();
  const { agent } = useDesktop();
  useStore(reasons);
  useEffect(() => void load().catch(() => undefined), []);
  const pending = pendingState(agent);
  return (
    <Menu position="bottom-start" width={240}>
      <Menu.Target>
        <Button
          variant="default"
          radius="xl"
          rightSection={<IconChevronDown size={16} aria-hidden />}
          leftSection={<StateDot state={shortState(agent?.state)} />}
          data-testid="agent-state"
          data-state={shortState(agent?.state)}
          data-pending={pending}
        >
          <StateText agent={agent} />
          {pending && ` ${arrowOf(language)} ${reasonText(agent?.nextReason) || textOr("state", pending)}`}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Suspense fallback={null}>
          <StateChoices />
        </Suspense>
      </Menu.Dropdown>
    </Menu>
  );
}
