import { Tabs } from "@mantine/core";
import { useState } from "react";
import { useText } from "../../../i18n/index.ts";
import { mayEnter } from "../../../session/roles.ts";
import { useSession } from "../../../session/session.ts";
import { PageHeader } from "../../../ui/Page.tsx";
import { AdherenceBoard } from "./AdherenceBoard.tsx";
import { AdherenceReport } from "./AdherenceReport.tsx";
import { TodayView } from "./TodayView.tsx";

/** The day as it goes: what comes, what would help, and who does what is planned. */
export default function IntradayPage() {
  const t = useText();
  const session = useSession();
  const mayChange = session.status === "signedIn" && mayEnter(session.user.role, "manage");
  const [tab, setTab] = useState<string | null>("today");
  return (
    <>
      <PageHeader title={t("nav.intraday")} subtitle={t("intraday.lead")} />
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="lg">
          {(["today", "board", "report"] as const).map((each) => (
            <Tabs.Tab key={each} value={each} data-testid={`intraday-${each}`}>
              {t(`intraday.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="today">
          <TodayView />
        </Tabs.Panel>
        <Tabs.Panel value="board">
          <AdherenceBoard mayChange={mayChange} />
        </Tabs.Panel>
        <Tabs.Panel value="report">
          <AdherenceReport />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
