import { Button } from "@mantine/core";
import { IconHeadset, IconPlayerPlay } from "@tabler/icons-react";
import { Suspense, useEffect, useState } from "react";
import { setState, useDesktop } from "../../desktop/desktop.ts";
import { phaseOf } from "../../desktop/state.ts";
import { SoundCheck } from "../../desktop/ui/SoundCheck.tsx";
import { type Text, useText } from "../../i18n/index.ts";
import { warmRing } from "../../media/ring.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { lazyPage } from "../../ui/lazyPage.ts";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ContactFacts } from "./ContactFacts.tsx";
import classes from "./desktop.module.css";
import { PopHistory } from "./PopHistory.tsx";

/** Not needed to be reached and seen as an agent; fetched as soon as the page stands, well before any wrap-up. */
const loadForm = () => import("./WrapUpForm.tsx");
const WrapUpForm = lazyPage(async () => ({ default: (await loadForm()).WrapUpForm }));

const ReturnNote = lazyPage(async () => ({ default: (await loadForm()).ReturnNote }));

/** The agent's page: the contact at hand, who the customer is, and what to write down. Controls are in the dock. */
export default function DesktopPage() {
  const t = useText();
  const state = useDesktop();
  const phase = phaseOf(state);
  const subject = state.contact ?? state.offer?.contact;
  useEffect(() => void loadForm().catch(() => undefined), []);
  return (
    <>
      <PageHeader title={t("nav.desktop")} />
      {!state.loaded ? (
        <Loading />
      ) : !subject ? (
        <Idle off={phase === "off"} away={state.agent?.state === "AGENT_STATE_NOT_READY"} />
      ) : (
        <div className={classes.columns}>
          <div style={{ display: "grid", gap: 18 }}>
            <Panel label={t("desktop.contact")} testId="screen-pop">
              <ContactFacts contact={subject} queueName={state.offer?.queueName} pop={state.screenPop} />
            </Panel>
            {state.contact && (
              <Panel label={t("desktop.wrapUp.title")}>
                <Suspense fallback={null}>
                  <WrapUpForm
                    key={state.contact.contactId}
                    contact={state.contact}
                    wrapping={phase === "wrapUp"}
                  />
                </Suspense>
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

/** After a reload it isn't known any more whose offer it was. */
function missedText(t: Text, caller: string | undefined): string {
  return caller ? t("desktop.missed.from", { caller }) : t("desktop.missed.body");
}

function Idle({ off, away }: { off: boolean; away: boolean }) {
  const t = useText();
  const { agent, noticeCaller } = useDesktop();
  const missed = away && agent?.reason === "missed_offer";
  const title = missed ? "desktop.missed.title" : away ? "desktop.away.title" : "desktop.quiet.title";
  const body = missed ? missedText(t, noticeCaller) : t(away ? "desktop.away.body" : "desktop.quiet.body");
  const [checking, setChecking] = useState(false);
  const begin = () => {
    warmRing();
    void setState("AGENT_STATE_AVAILABLE");
  };
  return (
    <Panel>
      <EmptyState
        icon={IconHeadset}
        title={off ? t("desktop.begin.title") : t(title)}
        action={
          <div style={{ display: "flex", gap: 10, flexWrap: "wrap", justifyContent: "center" }}>
            {(off || away) && (
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
        {off ? t("desktop.begin.body") : body}
        {agent?.returnTime && (
          <Suspense fallback={null}>
            <ReturnNote until={agent.returnTime} />
          </Suspense>
        )}
      </EmptyState>
      <SoundCheck opened={checking} onClose={() => setChecking(false)} />
    </Panel>
  );
}
