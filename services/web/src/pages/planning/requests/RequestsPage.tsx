import { Tabs } from "@mantine/core";
import { useState } from "react";
import { useText } from "../../../i18n/index.ts";
import { mayEnter } from "../../../session/roles.ts";
import { useSession } from "../../../session/session.ts";
import { PageHeader } from "../../../ui/Page.tsx";
import classes from "../../mine/mine.module.css";
import { useRefreshOn } from "../../watch/useRefreshOn.ts";
import { Allowances } from "./Allowances.tsx";
import { BidRounds } from "./BidRounds.tsx";
import { Kinds } from "./Kinds.tsx";
import { Settings } from "./Settings.tsx";
import { TimeOffInbox } from "./TimeOffInbox.tsx";
import { TradesInbox } from "./TradesInbox.tsx";

export const REQUESTS = "requests";
const TABS = ["timeOff", "trades", "bids", "allowances", "kinds", "rules"] as const;
const VIEWS = {
  timeOff: TimeOffInbox,
  trades: TradesInbox,
  bids: BidRounds,
  allowances: Allowances,
  kinds: Kinds,
  rules: Settings,
};

/** What agents ask for, and what decides it without a manager. */
export default function RequestsPage() {
  const t = useText();
  const session = useSession();
  const mayChange = session.status === "signedIn" && mayEnter(session.user.role, "manage");
  const [tab, setTab] = useState<string | null>("timeOff");
  useRefreshOn([REQUESTS], "AgentNoticed", "SchedulePublished");
  return (
    <>
      <PageHeader title={t("nav.requests")} subtitle={t("requests.lead")} />
      <Tabs value={tab} onChange={setTab} keepMounted={false} classNames={{ list: classes.tabs }}>
        <Tabs.List mb="lg">
          {TABS.map((each) => (
            <Tabs.Tab key={each} value={each} data-testid={`requests-${each}`}>
              {t(`requests.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map((each) => {
          const View = VIEWS[each];
          return (
            <Tabs.Panel key={each} value={each}>
              <View mayChange={mayChange} />
            </Tabs.Panel>
          );
        })}
      </Tabs>
    </>
  );
}
