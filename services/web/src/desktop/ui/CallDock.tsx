import { Suspense, useEffect, useRef } from "react";
import { useBrands } from "../../api/names.ts";
import type { MessageKey } from "../../i18n/index.ts";
import { useText } from "../../i18n/index.ts";
import { useMe } from "../../session/session.ts";
import { useStore } from "../../store.ts";
import { announce } from "../../ui/announce.tsx";
import { lazyPage } from "../../ui/lazyPage.ts";
import { useCallTitle } from "../../ui/title.ts";
import { handingOn, parkedCode } from "../calls.ts";
import { useDesktop } from "../desktop.ts";
import { wantsList } from "../parties.ts";
import { type DesktopNotice, isMuted, isOnCall, type Phase, phaseOf } from "../state.ts";
import { supervision, wanted } from "../supervision.ts";
import { CallControls } from "./CallControls.tsx";
import { DockNotes } from "./DockNotes.tsx";
import { DockPrimary } from "./DockPrimary.tsx";
import classes from "./dock.module.css";
import { OfferControls } from "./OfferControls.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { WhoIsIt } from "./WhoIsIt.tsx";

const NOTICE_TEXT: Record<DesktopNotice, MessageKey> = {
  missed: "desktop.notice.missed",
  declined: "desktop.notice.declined",
  rescinded: "desktop.notice.rescinded",
  taken: "problem.OFFER_TAKEN", // the same words as for who answers too late
  customerLeft: "desktop.notice.customerLeft",
  callLost: "desktop.notice.callLost",
  wrapUpOver: "desktop.notice.wrapUpOver",
  BUSY: "desktop.notice.busy",
  NO_ANSWER: "desktop.notice.noAnswer",
  REJECTED: "desktop.notice.rejected",
  UNREACHABLE: "desktop.notice.unreachable",
  TRANSFERRED: "desktop.notice.transferred",
  LEFT: "desktop.notice.left",
  DROPPED: "desktop.notice.dropped",
  CONSULT_OVER: "desktop.notice.consultOver",
  TAKEN_OVER: "desktop.notice.takenOver",
  PARKED: "desktop.notice.parked",
  notTaken: "desktop.notice.notTaken",
};

// Not needed to be reached: each is fetched when it is first shown.
const PartyStrip = lazyPage(() => import("./PartyStrip.tsx"));
const SupervisionBar = lazyPage(() => import("./SupervisionBar.tsx"));
const TransferDialog = lazyPage(() => import("./TransferDialog.tsx"));
const ParkedDialog = lazyPage(() => import("./ParkedDialog.tsx"));

/**
 * The call's controls at the foot of every page. Its columns are fixed: what is an Answer button during an offer is a
 * timer afterwards, so a second click on Answer can't hang up, and nothing the agent aims at ever moves.
 */
export function CallDock() {
  const t = useText();
  const desktop = useDesktop();
  const phase = phaseOf(desktop);
  useShortcuts();
  useAnnouncements(phase, desktop.notice);
  useCallInTitle(phase);
  const showing = phase !== "off";
  return (
    <section
      className={`${classes.dock} ${phase === "offered" ? classes.ringing : ""}`}
      aria-label={t("desktop.dock")}
      data-testid="call-dock"
      data-phase={phase}
    >
      <DockNotes />
      <Above phase={phase} />
      {showing && (
        <div className={classes.row}>
          <div className={classes.who}>
            <WhoIsIt phase={phase} notice={desktop.notice && t(NOTICE_TEXT[desktop.notice])} />
          </div>
          <div className={classes.controls}>
            {phase === "offered" && <OfferControls />}
            {isOnCall(phase) && <CallControls phase={phase} />}
          </div>
          <div className={classes.primary}>
            <DockPrimary phase={phase} />
          </div>
        </div>
      )}
    </section>
  );
}

/** What a call with more than two people, or somebody else's call, needs beside the row of every call. */
function Above({ phase }: { phase: Phase }) {
  const { call } = useDesktop();
  const supervising = useStore(supervision);
  const wish = useStore(wanted);
  const handing = useStore(handingOn);
  const code = useStore(parkedCode);
  const talking = isOnCall(phase);
  useEffect(() => {
    if (!talking) handingOn.set(false);
  }, [talking]);
  return (
    <Suspense fallback={null}>
      {talking && wantsList(call) && <PartyStrip />}
      {(supervising || wish) && <SupervisionBar />}
      {talking && handing && <TransferDialog onClose={() => handingOn.set(false)} />}
      {code && <ParkedDialog code={code} onClose={() => parkedCode.set(undefined)} />}
    </Suspense>
  );
}

/** Screen readers hear what others see: offers at once, the rest when there is a pause. */
function useAnnouncements(phase: string, notice: DesktopNotice | undefined): void {
  const t = useText();
  const state = useDesktop();
  const { offer } = state;
  const muted = isMuted(state, useMe());
  const wasMuted = useRef(false);
  const caller = offer?.contact?.callerName || offer?.contact?.callerNumber || t("common.anonymous");
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new phase is news
  useEffect(() => {
    if (phase === "offered")
      announce(t("desktop.say.offer", { caller, queue: offer?.queueName ?? "" }), true);
    else if (phase === "dialing") announce(t("desktop.dialing"));
    else if (phase === "talking") announce(t("desktop.say.connected"));
    else if (phase === "held") announce(t("desktop.say.held"));
    else if (phase === "wrapUp") announce(t("desktop.say.wrapUp"));
  }, [phase, offer?.offerId]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a change is news
  useEffect(() => {
    const onCall = phase === "talking" || phase === "held";
    if (onCall && muted !== wasMuted.current)
      announce(t(muted ? "desktop.say.muted" : "desktop.say.unmuted"));
    wasMuted.current = onCall && muted;
  }, [muted, phase]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new notice is news
  useEffect(() => {
    if (notice) announce(t(NOTICE_TEXT[notice]));
  }, [notice]);
}

const TITLE_TEXT: Partial<Record<Phase, MessageKey>> = {
  connecting: "desktop.connecting",
  dialing: "desktop.dialing",
  talking: "state.ON_CONTACT",
  held: "desktop.held",
  wrapUp: "desktop.wrapUp.title",
};

/** The tab's title says who rings or talks, and a hidden tab's offer is a notification where the agent allowed them. */
function useCallInTitle(phase: Phase): void {
  const t = useText();
  const { offer, contact } = useDesktop();
  const subject = contact ?? offer?.contact;
  const brands = useBrands(subject !== undefined).data;
  const brand = brands?.find((each) => each.brandId === subject?.brandId)?.displayName;
  const caller = subject?.callerName || subject?.callerNumber || t("common.anonymous");
  const state = TITLE_TEXT[phase];
  const who = [brand, caller].filter(Boolean).join(" · ");
  const ringing = phase === "offered" ? `☎ ${who}` : "";
  useCallTitle(ringing || (state ? `${t(state)} · ${who}` : ""));
  useEffect(() => {
    const note = ringing ? notify(ringing) : undefined;
    return () => note?.close();
  }, [ringing]);
}

function notify(title: string): Notification | undefined {
  if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted")
    return undefined;
  const note = new Notification(title, { tag: "merkez-offer", requireInteraction: true });
  note.onclick = () => window.focus();
  return note;
}
