import { Button } from "@mantine/core";
import { IconHeadset, IconPlayerPlay } from "@tabler/icons-react";
import { useState } from "react";
import { setState, useDesktop } from "../../desktop/desktop.ts";
import { phaseOf } from "../../desktop/state.ts";
import { SoundCheck } from "../../desktop/ui/SoundCheck.tsx";
import { useText } from "../../i18n/index.ts";
import { warmRing } from "../../media/ring.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ContactFacts } from "./ContactFacts.tsx";
import classes from "./desktop.module.css";
import { PopHistory } from "./PopHistory.tsx";
import { WrapUpForm } from "./WrapUpForm.tsx";

/** The agent's page: the contact at hand, who the customer is, and what to write down. Controls are in the dock. */
export default function DesktopPage() {
  const t = useText();
  const state = useDesktop();
  const phase = phaseOf(state);
  const subject = state.contact ?? state.offer?.contact;
  return (
    <>
      <PageHeader title={t("nav.desktop")} />
      {!state.loaded ? (
        <Loading />
      ) : !subject ? (
        <Idle off={phase === "off"} />
      ) : (
        <div className={classes.columns}>
          <div style={{ display: "grid", gap: 18 }}>
            <Panel label={t("desktop.contact")} testId="screen-pop">
              <ContactFacts contact={subject} queueName={state.offer?.queueName} pop={state.screenPop} />
            </Panel>
            {state.contact && (
              <Panel label={t("desktop.wrapUp.title")}>
                <WrapUpForm
                  key={state.contact.contactId}
                  contact={state.contact}
                  wrapping={phase === "wrapUp"}
                />
              </Panel>
            )}
          </div>
          <Panel label={t("desktop.history")} testId="screen-pop-history">
            <PopHistory pop={state.screenPop} contactId={subject.contactId} />
          </Panel>
        </div>
      )}
    </>
  );
}

function Idle({ off }: { off: boolean }) {
  const t = useText();
  const [checking, setChecking] = useState(false);
  const begin = () => {
    warmRing();
    void setState("AGENT_STATE_AVAILABLE");
  };
  return (
    <Panel>
      <EmptyState
        icon={IconHeadset}
        title={off ? t("desktop.begin.title") : t("desktop.quiet.title")}
        action={
          <div style={{ display: "flex", gap: 10, flexWrap: "wrap", justifyContent: "center" }}>
            {off && (
              <Button
                size="md"
                leftSection={<IconPlayerPlay size={18} aria-hidden />}
                onClick={begin}
                data-testid="go-available"
              >
                {t("desktop.begin.action")}
              </Button>
            )}
            <Button size="md" variant="default" onClick={() => setChecking(true)} data-testid="sound-check">
              {t("user.sound")}
            </Button>
          </div>
        }
      >
        {off ? t("desktop.begin.body") : t("desktop.quiet.body")}
      </EmptyState>
      <SoundCheck opened={checking} onClose={() => setChecking(false)} />
    </Panel>
  );
}
