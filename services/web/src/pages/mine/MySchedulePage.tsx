import { Tabs } from "@mantine/core";
import { useState } from "react";
import { useText } from "../../i18n/index.ts";
import { PageHeader } from "../../ui/Page.tsx";
import { useRefreshOn } from "../watch/useRefreshOn.ts";
import { Availability } from "./Availability.tsx";
import { Bids } from "./Bids.tsx";
import classes from "./mine.module.css";
import { TimeOff } from "./TimeOff.tsx";
import { Trades } from "./Trades.tsx";
import { MINE } from "./useMine.ts";
import { WeekView } from "./WeekView.tsx";

const TABS = ["week", "timeOff", "trades", "bids", "availability"] as const;
const VIEWS = { week: WeekView, timeOff: TimeOff, trades: Trades, bids: Bids, availability: Availability };

/** When somebody works, and what they can do about it. */
export default function MySchedulePage() {
  const t = useText();
  const [tab, setTab] = useState<string | null>("week");
  useRefreshOn([MINE], "AgentNoticed");
  return (
    <>
      <PageHeader title={t("nav.mySchedule")} subtitle={t("mine.lead")} />
      <Tabs value={tab} onChange={setTab} keepMounted={false} classNames={{ list: classes.tabs }}>
        <Tabs.List mb="lg">
          {TABS.map((each) => (
            <Tabs.Tab key={each} value={each} data-testid={`mine-${each}`}>
              {t(`mine.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map((each) => {
          const View = VIEWS[each];
          return (
            <Tabs.Panel key={each} value={each}>
              <View />
            </Tabs.Panel>
          );
        })}
      </Tabs>
    </>
  );
}
