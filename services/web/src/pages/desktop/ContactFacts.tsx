import { Anchor } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useNames } from "../../api/names.ts";
import type { Contact, ScreenPop } from "../../api/types.ts";
import { secondsBetween } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Elapsed, Length } from "../../ui/Time.tsx";
import classes from "./desktop.module.css";

interface Props {
  contact: Contact;
  queueName: string | undefined;
  pop: ScreenPop | undefined;
}

/** The screen pop: who calls, which brand, what they pressed, how long they waited. */
export function ContactFacts({ contact, queueName, pop }: Props) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const customer = pop?.customer;
  const name = contact.callerName || customer?.displayName || contact.callerNumber || t("common.anonymous");
  const counted = pop?.history?.some((entry) => entry.contactId && entry.contactId === contact.contactId);
  const earlier = Math.max(0, (pop?.contactCount ?? 0) - (counted ? 1 : 0));
  const attributes = Object.entries(contact.attributes ?? {}).filter(([key]) => !key.startsWith("_"));
  return (
    <>
      <h2 className={classes.caller} data-testid="pop-caller">
        <bdi>{name}</bdi>
      </h2>
      <p className={classes.number}>
        {contact.callerNumber ? (
          <span className="m-ltr m-figures">{contact.callerNumber}</span>
        ) : (
          t("desktop.noNumber")
        )}
        {customer?.customerId && (
          <>
            {" · "}
            <Anchor
              component={Link}
              href={`/customers/${customer.customerId}`}
              underline="always"
              data-testid="pop-customer"
            >
              {t("desktop.openCustomer")}
            </Anchor>
          </>
        )}
      </p>
      <dl className={classes.facts}>
        <Fact label={t("desktop.brand")} testId="pop-brand">
          {names.brand(contact.brandId)}
        </Fact>
        <Fact label={t("desktop.queue")} testId="pop-queue">
          {queueName || names.queue(contact.queueId)}
        </Fact>
        <Fact label={t("desktop.waited")} testId="pop-waited">
          {contact.answerTime ? (
            <Length seconds={secondsBetween(contact.queueTime, Date.parse(contact.answerTime))} />
          ) : (
            <Elapsed since={contact.queueTime} />
          )}
        </Fact>
        <Fact label={t("desktop.earlier")} testId="pop-count">
          {formatNumber(earlier, language)}
        </Fact>
        {attributes.map(([key, value]) => (
          <Fact
            key={key}
            label={attributeLabel(key, t("desktop.menuChoice"))}
            testId={`pop-attribute-${key}`}
          >
            <bdi>{value || t("common.none")}</bdi>
          </Fact>
        ))}
      </dl>
    </>
  );
}

/** Menu choices are kept as "menu.<step>": people read "Menu · <step>". */
function attributeLabel(key: string, menu: string): string {
  if (key === "menu.menu") return menu;
  return key.startsWith("menu.") ? `${menu} · ${key.slice(5)}` : key;
}

function Fact({ label, testId, children }: { label: string; testId: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd data-testid={testId}>{children}</dd>
    </div>
  );
}
