import {
  type Icon,
  IconActivity,
  IconAddressBook,
  IconBook2,
  IconBuildingSkyscraper,
  IconBuildingStore,
  IconCalendar,
  IconChartBar,
  IconChecklist,
  IconClockHour4,
  IconFlask,
  IconHash,
  IconHeadset,
  IconHistory,
  IconHome,
  IconKey,
  IconMicrophone,
  IconPhone,
  IconPhoneOutgoing,
  IconPlayerPlay,
  IconReceipt,
  IconRecordMail,
  IconRoute,
  IconSitemap,
  IconStack2,
  IconUsers,
} from "@tabler/icons-react";
import { Link, useLocation } from "wouter";
import type { Role } from "../api/types.ts";
import { type MessageKey, useText } from "../i18n/index.ts";
import { type Area, mayEnter } from "../session/roles.ts";
import { Logo } from "./Logo.tsx";
import classes from "./Shell.module.css";

type Entry = readonly [path: string, label: MessageKey, icon: Icon, area: Area];

const GROUPS: readonly (readonly [MessageKey, readonly Entry[]])[] = [
  [
    "nav.work",
    [
      ["/home", "nav.home", IconHome, "manage"],
      ["/desktop", "nav.desktop", IconHeadset, "desktop"],
      ["/voicemail", "nav.voicemail", IconRecordMail, "desktop"],
      ["/dial", "nav.dial", IconPhoneOutgoing, "desktop"],
      ["/customers", "nav.customers", IconAddressBook, "desktop"],
      ["/reach", "nav.findMe", IconRoute, "desktop"],
      ["/my-schedule", "nav.mySchedule", IconClockHour4, "desktop"],
    ],
  ],
  [
    "nav.watch",
    [
      ["/wallboard", "nav.wallboard", IconChartBar, "watch"],
      ["/contacts", "nav.contacts", IconHistory, "watch"],
      ["/callbacks", "nav.callbacks", IconPhoneOutgoing, "watch"],
      ["/calls", "nav.calls", IconPhone, "watch"],
      ["/recordings", "nav.recordings", IconPlayerPlay, "watch"],
      ["/simulator", "nav.simulator", IconFlask, "watch"],
      ["/intraday", "nav.intraday", IconActivity, "watch"],
      ["/planning", "nav.planning", IconCalendar, "watch"],
      ["/requests", "nav.requests", IconChecklist, "watch"],
    ],
  ],
  [
    "nav.manage",
    [
      ["/admin/brands", "nav.brands", IconBuildingStore, "manage"],
      ["/admin/numbers", "nav.numbers", IconHash, "manage"],
      ["/admin/trunks", "nav.trunks", IconRoute, "manage"],
      ["/admin/devices", "nav.devices", IconPhone, "manage"],
      ["/admin/outbound", "nav.outbound", IconPhoneOutgoing, "manage"],
      ["/admin/queues", "nav.queues", IconStack2, "manage"],
      ["/admin/flows", "nav.flows", IconSitemap, "manage"],
      ["/admin/prompts", "nav.prompts", IconMicrophone, "manage"],
      ["/admin/number-lists", "nav.numberLists", IconAddressBook, "manage"],
      ["/admin/hours", "nav.hours", IconClockHour4, "manage"],
      ["/admin/people", "nav.people", IconUsers, "manage"],
      ["/admin/dispositions", "nav.dispositions", IconChecklist, "manage"],
      ["/admin/api-keys", "nav.apiKeys", IconKey, "manage"],
      ["/admin/audit", "nav.audit", IconBook2, "manage"],
      ["/admin/billing", "nav.billing", IconReceipt, "pay"],
      ["/admin/client-bills", "nav.clientBills", IconReceipt, "billing"],
      ["/admin/organisation", "nav.organisation", IconBuildingSkyscraper, "billing"],
    ],
  ],
];

export function Navigation({ role }: { role: Role | undefined }) {
  const t = useText();
  const [location] = useLocation();
  return (
    <>
      <Link href="/" className={classes.brand} style={{ color: "inherit", textDecoration: "none" }}>
        <Logo />
      </Link>
      {GROUPS.map(([title, entries]) => {
        const open = entries.filter(([, , , area]) => mayEnter(role, area));
        if (open.length === 0) return null;
        return (
          <div key={title}>
            <p className={classes.group}>{t(title)}</p>
            {open.map(([path, label, Sign]) => {
              const current = location === path || location.startsWith(`${path}/`);
              return (
                <Link
                  key={path}
                  href={path}
                  className={classes.link}
                  aria-current={current ? "page" : undefined}
                  data-testid={`nav-${path.split("/").at(-1)}`}
                >
                  <Sign size={19} stroke={1.7} aria-hidden />
                  {t(label)}
                </Link>
              );
            })}
          </div>
        );
      })}
    </>
  );
}
