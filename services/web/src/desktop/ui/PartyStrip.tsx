import { Button } from "@mantine/core";
import {
  IconArrowsLeftRight,
  IconCheck,
  IconHeadset,
  IconMicrophone,
  IconMicrophoneOff,
  IconPhone,
  IconPhoneRinging,
  IconPlayerPause,
  IconPlayerPlay,
  IconUser,
  IconUserMinus,
  IconUsersGroup,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useColleagues } from "../../api/names.ts";
import type { Leg } from "../../api/types.ts";
import { type MessageKey, textOr, useText } from "../../i18n/index.ts";
import { useMe } from "../../session/session.ts";
import { useSocketStatus } from "../../socket/live.ts";
import { Tag } from "../../ui/Note.tsx";
import { IconAction } from "../../ui/RowActions.tsx";
import { complete, drop, hold, join, muteParty, resume, swap } from "../calls.ts";
import { useDesktop } from "../desktop.ts";
import { consultOf, groupsOf, isThere, legOf } from "../parties.ts";
import { Key } from "./CallControls.tsx";
import classes from "./parties.module.css";
import { CONSULT_KEYS } from "./shortcuts.ts";

/** Everybody in the call by who hears whom, and what is done with a question to somebody. */
export default function PartyStrip() {
  const t = useText();
  const me = useMe();
  const { call } = useDesktop();
  const { talking, waiting, ringing } = groupsOf(call);
  const asked = consultOf(call, me);
  const led = !asked && !legOf(call, me)?.consulted;
  const party = (leg: Leg) => <Party key={leg.legId} leg={leg} me={me} led={led} />;
  return (
    <section className={classes.strip} aria-label={t("calls.parties")} data-testid="parties">
      {asked && <ConsultBar there={isThere(asked)} />}
      <div className={classes.groups}>
        <Group title="calls.hearEachOther" icon={<IconUsersGroup size={16} aria-hidden />} testId="talking">
          {talking.map(party)}
        </Group>
        <Group title="calls.hearMusic" icon={<IconPlayerPause size={16} aria-hidden />} testId="waiting">
          {waiting.map(party)}
        </Group>
        <Group title="calls.beingRung" icon={<IconPhoneRinging size={16} aria-hidden />} testId="ringing">
          {ringing.map(party)}
        </Group>
      </div>
    </section>
  );
}

function ConsultBar({ there }: { there: boolean }) {
  const t = useText();
  const deaf = useSocketStatus() !== "open";
  return (
    <div className={classes.consult} data-testid="consult-bar">
      <Button
        size="xs"
        color="#147a4a"
        disabled={!there || deaf}
        leftSection={<IconCheck size={16} aria-hidden />}
        onClick={() => void complete()}
        data-testid="consult-complete"
      >
        {t("calls.complete")}
        <Key name={CONSULT_KEYS.complete} />
      </Button>
      <Button
        size="xs"
        variant="default"
        disabled={!there || deaf}
        leftSection={<IconArrowsLeftRight size={16} aria-hidden />}
        onClick={() => void swap()}
        data-testid="consult-swap"
      >
        {t("calls.swap")}
        <Key name={CONSULT_KEYS.swap} />
      </Button>
      <Button
        size="xs"
        variant="default"
        disabled={!there || deaf}
        leftSection={<IconUsersGroup size={16} aria-hidden />}
        onClick={() => void join()}
        data-testid="consult-join"
      >
        {t("calls.join")}
        <Key name={CONSULT_KEYS.join} />
      </Button>
    </div>
  );
}

interface GroupProps {
  title: MessageKey;
  icon: ReactNode;
  testId: string;
  children: ReactNode[];
}

function Group({ title, icon, testId, children }: GroupProps) {
  const t = useText();
  if (children.length === 0) return null;
  return (
    <div className={classes.group} data-testid={`parties-${testId}`}>
      <h2 className={classes.title}>
        {icon} {t(title)}
      </h2>
      <ul className={classes.list}>{children}</ul>
    </div>
  );
}

const SIGNS = { customer: IconUser, agent: IconHeadset, participant: IconPhone } as const;

function Party({ leg, me, led }: { leg: Leg; me: string; led: boolean }) {
  const t = useText();
  const name = usePartyName(leg, me);
  const Sign = SIGNS[leg.party as keyof typeof SIGNS] ?? IconPhone;
  const mine = leg.agentId === me;
  const told = leg.answeredBy && leg.answeredBy !== "ANSWERED_BY_UNSPECIFIED";
  const answered = told ? textOr("answeredBy", leg.answeredBy ?? "") : "";
  return (
    <li className={classes.party} data-testid={`party-${leg.legId}`} data-party={leg.party}>
      <Sign size={18} aria-hidden />
      <span className={classes.name}>
        {name.number ? <span className="m-ltr m-figures">{name.text}</span> : <bdi>{name.text}</bdi>}
      </span>
      {leg.muted && <Tag tone="warn">{t("calls.muted")}</Tag>}
      {leg.state === "LEG_STATE_MEDIA_LOST" && <Tag tone="bad">{t("calls.noSound")}</Tag>}
      {answered && <Tag tone="info">{answered}</Tag>}
      {leg.consulted && <Tag tone="info">{t("calls.asked")}</Tag>}
      {led && !mine && <PartyActions leg={leg} name={name.text} />}
    </li>
  );
}

function PartyActions({ leg, name }: { leg: Leg; name: string }) {
  const t = useText();
  const { legId = "", held, muted } = leg;
  const deaf = useSocketStatus() !== "open";
  const label = (key: MessageKey) => `${t(key)}: ${name}`;
  return (
    <span className={classes.actions}>
      {isThere(leg) && (
        <>
          <IconAction
            label={label(muted ? "calls.unmute" : "desktop.mute")}
            icon={muted ? IconMicrophoneOff : IconMicrophone}
            disabled={deaf}
            onClick={() => void muteParty(legId, !muted)}
            testId={`party-${legId}-mute`}
          />
          <IconAction
            label={label(held ? "desktop.resume" : "desktop.hold")}
            icon={held ? IconPlayerPlay : IconPlayerPause}
            disabled={deaf}
            onClick={() => void (held ? resume(legId) : hold(legId))}
            testId={`party-${legId}-hold`}
          />
        </>
      )}
      {leg.party !== "customer" && (
        <IconAction
          label={label("calls.drop")}
          icon={IconUserMinus}
          disabled={deaf}
          onClick={() => void drop(legId)}
          testId={`party-${legId}-drop`}
        />
      )}
    </span>
  );
}

interface Name {
  text: string;
  number: boolean;
}

function usePartyName(leg: Leg, me: string): Name {
  const t = useText();
  const { contact } = useDesktop();
  const colleagues = useColleagues().data;
  if (leg.agentId === me) return { text: t("calls.you"), number: false };
  if (leg.party === "agent") {
    const known = colleagues?.find((each) => each.agentId === leg.agentId)?.displayName;
    return { text: known ?? t(leg.agentId ? "role.ROLE_AGENT" : "calls.someAgent"), number: false };
  }
  if (leg.party !== "customer") return { text: leg.address || t("common.anonymous"), number: true };
  const number = !contact?.callerName && Boolean(contact?.callerNumber);
  return { text: contact?.callerName || contact?.callerNumber || t("calls.customer"), number };
}
